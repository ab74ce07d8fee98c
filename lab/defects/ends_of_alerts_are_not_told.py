"""The receiver is not told that an alert is over."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    canary = next(receiver for receiver in document["receivers"] if receiver["name"] == "canary")
    canary["webhook_configs"][0]["send_resolved"] = False


DEFECT = Defect(
    breaks="the end of a test alert arrives",
    caught_by=("routing.critical_is_delivered", "routing.warning_is_delivered", "routing.info_is_delivered"),
    how=alertmanager_config(_edit),
)
