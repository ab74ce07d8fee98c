"""The route of warnings is gone: they end at the default receiver."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    routes = document["route"]["routes"]
    document["route"]["routes"] = [route for route in routes if route["receiver"] != "chat"]


DEFECT = Defect(
    breaks="warnings go to the chat",
    caught_by=("routing.warning_to_chat",),
    how=alertmanager_config(_edit),
)
