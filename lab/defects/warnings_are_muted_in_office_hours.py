"""Warnings are muted while people are at work, and come at night."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    hours = {"weekdays": ["monday:friday"], "times": [{"start_time": "09:00", "end_time": "18:00"}]}
    document["time_intervals"] = [{"name": "work", "time_intervals": [hours | {"location": "Europe/Berlin"}]}]
    route = next(route for route in document["route"]["routes"] if route["receiver"] == "chat")
    route["mute_time_intervals"] = ["work"]


DEFECT = Defect(
    breaks="warnings are told while somebody is there",
    caught_by=("routing.warning_in_time",),
    how=alertmanager_config(_edit),
)
