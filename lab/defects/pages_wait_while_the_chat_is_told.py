"""A critical alert is in the chat at once, and pages after twenty minutes only."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    routes = document["route"]["routes"]
    number, route = next((number, each) for number, each in enumerate(routes) if each["receiver"] == "pager")
    chat = {**route, "receiver": "chat", "group_wait": "10s"}
    routes[number : number + 1] = [{**route, "group_wait": "20m", "continue": True}, chat]


DEFECT = Defect(
    breaks="critical alerts page in time",
    caught_by=("routing.critical_in_time",),
    how=alertmanager_config(_edit),
    also=("routing.*",),
)
