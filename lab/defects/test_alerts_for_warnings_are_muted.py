"""What is sent to the test receiver as a warning never leaves."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    document["time_intervals"] = [{"name": "always", "time_intervals": [{"months": ["1:12"]}]}]
    muted = {"matchers": ['severity="warning"'], "receiver": "canary", "mute_time_intervals": ["always"]}
    document["route"]["routes"][0]["routes"] = [muted]


DEFECT = Defect(
    breaks="a test warning arrives",
    caught_by=("routing.warning_is_delivered",),
    how=alertmanager_config(_edit),
)
