"""Alertmanager puts all alerts of a receiver into one message."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    document["route"]["group_by"] = []


DEFECT = Defect(
    breaks="alerts are grouped by what tells them apart",
    caught_by=("routing.grouped_by_trouble",),
    how=alertmanager_config(_edit),
)
