"""The pager's integration was removed, its receiver stayed."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    pager = next(receiver for receiver in document["receivers"] if receiver["name"] == "pager")
    del pager["webhook_configs"]


DEFECT = Defect(
    breaks="critical alerts page",
    caught_by=("routing.critical_pages",),
    how=alertmanager_config(_edit),
)
