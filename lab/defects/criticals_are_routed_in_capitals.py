"""The route of critical alerts asks for another spelling of the severity."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    route = next(route for route in document["route"]["routes"] if route["receiver"] == "pager")
    route["matchers"] = ['severity="Critical"']


DEFECT = Defect(
    breaks="critical alerts page",
    caught_by=("routing.critical_pages",),
    how=alertmanager_config(_edit),
    also=("routing.critical_in_time",),
)
