"""Critical alerts wait ten minutes for others to join them."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    route = next(route for route in document["route"]["routes"] if route["receiver"] == "pager")
    route["group_wait"] = "10s"


DEFECT = Defect(
    breaks="critical alerts leave in time",
    caught_by=("routing.critical_in_time",),
    how=alertmanager_config(_edit),
)
