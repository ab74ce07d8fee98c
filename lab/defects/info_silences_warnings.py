"""An inhibition lets alerts of severity info silence warnings about the same."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    rule = document["inhibit_rules"][0]
    rule["source_matchers"], rule["equal"] = ['severity="info"'], ["owner"]


DEFECT = Defect(
    breaks="no lesser alert silences a warning",
    caught_by=("routing.inhibitions_spare_criticals",),
    how=alertmanager_config(_edit),
)
