"""Critical alerts go to the chat."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    route = next(route for route in document["route"]["routes"] if route["receiver"] == "pager")
    route["receiver"] = "chat"


DEFECT = Defect(
    breaks="critical alerts page",
    caught_by=("routing.critical_pages",),
    how=alertmanager_config(_edit),
)
