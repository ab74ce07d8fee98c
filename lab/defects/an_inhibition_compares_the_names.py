"""An inhibition compares the names of alerts that are called differently."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    document["inhibit_rules"][0]["equal"] = ["alertname", "subject"]


DEFECT = Defect(
    breaks="every inhibition can act",
    caught_by=("routing.inhibitions_can_act",),
    how=alertmanager_config(_edit),
)
