"""Alerts of severity info page."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    route = next(route for route in document["route"]["routes"] if 'severity="info"' in route["matchers"])
    route["receiver"] = "pager"


DEFECT = Defect(
    breaks="info goes out by mail",
    caught_by=("routing.info_by_mail",),
    how=alertmanager_config(_edit),
)
