"""Warnings for devops are told within the years of an on-call plan that has run out."""

from typing import Any

from lab.breaking import Defect, alertmanager_config

_PLAN = "devops-plan"


def _edit(document: dict[str, Any]) -> None:
    document["time_intervals"] = [{"name": _PLAN, "time_intervals": [{"years": ["2023:2024"]}]}]
    chat = next(route for route in document["route"]["routes"] if route["receiver"] == "chat")
    chat["routes"] = [{"matchers": ['owner="devops"'], "receiver": "chat", "active_time_intervals": [_PLAN]}]


DEFECT = Defect(
    breaks="routes notify at some time",
    caught_by=("routing.never_muted",),
    how=alertmanager_config(_edit),
    also=("routing.*",),
)
