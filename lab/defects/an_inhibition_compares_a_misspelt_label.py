"""An inhibition compares a label that no alert has: every page silences every warning."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    document["inhibit_rules"][0]["equal"] = ["subjct"]


DEFECT = Defect(
    breaks="inhibitions compare what alerts have",
    caught_by=("routing.inhibitions_can_act",),
    how=alertmanager_config(_edit),
)
