"""The webhook's address has a typing error: the receiver answers 404."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    canary = next(receiver for receiver in document["receivers"] if receiver["name"] == "canary")
    canary["webhook_configs"][0]["url"] = canary["webhook_configs"][0]["url"].replace("/canary", "/canry")


DEFECT = Defect(
    breaks="test alerts arrive",
    caught_by=(
        "routing.critical_is_delivered",
        "routing.warning_is_delivered",
        "routing.info_is_delivered",
        "routing.notifications_succeed",
    ),
    how=alertmanager_config(_edit),
    also=("alerts.*",),
)
