"""The chat is not told that an alert is over."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    chat = next(receiver for receiver in document["receivers"] if receiver["name"] == "chat")
    chat["webhook_configs"][0]["send_resolved"] = False


DEFECT = Defect(
    breaks="the end of an alert arrives, too",
    caught_by=("chaos.provider_down_paddle.alerted",),
    how=alertmanager_config(_edit),
    also=("chaos.*",),
    chaos="provider_down_paddle",
)
