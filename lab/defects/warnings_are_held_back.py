"""Further warnings of a group wait for hours."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    route = next(route for route in document["route"]["routes"] if route["receiver"] == "chat")
    route["group_interval"] = "4m"


DEFECT = Defect(
    breaks="warnings leave in time",
    caught_by=("routing.warning_in_time",),
    how=alertmanager_config(_edit),
)
