"""The pager's route is muted on Saturdays and Sundays."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    document["time_intervals"] = [{"name": "weekends", "time_intervals": [{"weekdays": ["saturday", "sunday"]}]}]
    route = next(route for route in document["route"]["routes"] if route["receiver"] == "pager")
    route["mute_time_intervals"] = ["weekends"]


DEFECT = Defect(
    breaks="critical alerts page at any hour",
    caught_by=("routing.critical_in_time",),
    how=alertmanager_config(_edit),
)
