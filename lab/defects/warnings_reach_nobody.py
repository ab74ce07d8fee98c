"""The chat gets no message."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    chat = next(receiver for receiver in document["receivers"] if receiver["name"] == "chat")
    chat["webhook_configs"][0]["url"] = chat["webhook_configs"][0]["url"].replace("/chat", "/nobody")


DEFECT = Defect(
    breaks="an alert arrives at its receiver",
    caught_by=("chaos.provider_down_paddle.alerted",),
    how=alertmanager_config(_edit),
    also=("chaos.*",),
    chaos="provider_down_paddle",
)
