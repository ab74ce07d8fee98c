"""A critical alert that nobody acknowledges is repeated a day later."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    route = next(route for route in document["route"]["routes"] if route["receiver"] == "pager")
    route["repeat_interval"] = "24m"


DEFECT = Defect(
    breaks="critical alerts are repeated in time",
    caught_by=("routing.critical_in_time",),
    how=alertmanager_config(_edit),
)
