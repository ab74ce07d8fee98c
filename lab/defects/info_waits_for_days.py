"""Alerts of severity info are held back for days."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    route = next(route for route in document["route"]["routes"] if 'severity="info"' in route["matchers"])
    route["group_wait"] = "50m"


DEFECT = Defect(
    breaks="info leaves within a day",
    caught_by=("routing.info_in_time",),
    how=alertmanager_config(_edit),
)
