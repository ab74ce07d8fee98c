"""An inhibition waits for a severity that no alert has."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    document["inhibit_rules"][0]["source_matchers"] = ['severity="page"']


DEFECT = Defect(
    breaks="every inhibition can act",
    caught_by=("routing.inhibitions_can_act",),
    how=alertmanager_config(_edit),
)
