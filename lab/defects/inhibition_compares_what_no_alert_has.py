"""Inhibition compares `service`, which no alert has: absent is equal to absent, so any page mutes every warning."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    for rule in document["inhibit_rules"]:
        rule["equal"] = ["service"]


DEFECT = Defect(
    breaks="an inhibition compares what alerts are about",
    caught_by=("routing.inhibitions_can_act",),
    how=alertmanager_config(_edit),
    also=("routing.*",),
)
