"""A warning waits for half an hour for others, before anybody is told."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    route = next(route for route in document["route"]["routes"] if route["receiver"] == "chat")
    route["group_wait"] = "90s"


DEFECT = Defect(
    breaks="alerts arrive although Alertmanager was away for a while",
    caught_by=("chaos.alertmanager_killed.alerted_late",),
    how=alertmanager_config(_edit),
    also=("chaos.*",),
    chaos="alertmanager_killed",
)
