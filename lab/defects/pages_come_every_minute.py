"""The pager tells the same again and again, each minute."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    route = next(route for route in document["route"]["routes"] if route["receiver"] == "pager")
    route["repeat_interval"] = route["group_interval"]


DEFECT = Defect(
    breaks="who is paged is left in peace to work on it",
    caught_by=("routing.critical_in_time",),
    how=alertmanager_config(_edit),
)
