"""Alertmanager refused its configuration and goes on with the old one."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    document["route"]["routes"][1]["receiver"] = "nobody"


DEFECT = Defect(
    breaks="Alertmanager runs as configured",
    caught_by=("routing.alertmanager_in_force",),
    how=alertmanager_config(_edit, refused=True),
    also=("alerts.*",),
)
