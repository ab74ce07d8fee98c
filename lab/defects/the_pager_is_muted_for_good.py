"""The pager's route is muted at all times."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    document["time_intervals"] = [
        {"name": "maintenance", "time_intervals": [{"times": [{"start_time": "00:00", "end_time": "24:00"}]}]}
    ]
    route = next(route for route in document["route"]["routes"] if route["receiver"] == "pager")
    route["mute_time_intervals"] = ["maintenance"]


DEFECT = Defect(
    breaks="routes notify at some time",
    caught_by=("routing.never_muted",),
    how=alertmanager_config(_edit),
)
