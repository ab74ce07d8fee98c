"""Source and target of an inhibition are swapped."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    document["inhibit_rules"][0]["source_matchers"] = ['severity="warning"']
    document["inhibit_rules"][0]["target_matchers"] = ['severity="critical"']


DEFECT = Defect(
    breaks="no warning silences a page",
    caught_by=("routing.inhibitions_spare_criticals",),
    how=alertmanager_config(_edit),
)
