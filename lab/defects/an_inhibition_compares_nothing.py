"""An inhibition lost its `equal`: any page silences every warning."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    document["inhibit_rules"][0]["equal"] = []


DEFECT = Defect(
    breaks="inhibitions act on what belongs together",
    caught_by=("routing.inhibitions_can_act",),
    how=alertmanager_config(_edit),
)
