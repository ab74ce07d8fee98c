"""Nothing is grouped for the pager: a trouble of three replicas is three pages."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    route = next(route for route in document["route"]["routes"] if route["receiver"] == "pager")
    route["group_by"] = ["..."]


DEFECT = Defect(
    breaks="alerts of one trouble are one message",
    caught_by=("routing.grouped_by_trouble",),
    how=alertmanager_config(_edit),
)
