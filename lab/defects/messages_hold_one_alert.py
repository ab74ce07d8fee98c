"""The chat is given the first alert of each message, and never hears of the others."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    chat = next(receiver for receiver in document["receivers"] if receiver["name"] == "chat")
    chat["webhook_configs"][0]["max_alerts"] = 1


DEFECT = Defect(
    breaks="messages hold all their alerts",
    caught_by=("routing.grouped_by_trouble",),
    how=alertmanager_config(_edit),
)
