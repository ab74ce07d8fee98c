"""Prometheus was not told of Alertmanager."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    document["alerting"] = {}


DEFECT = Defect(
    breaks="alerts are sent somewhere",
    caught_by=("routing.alertmanager_connected",),
    how=prometheus_config(_edit),
    also=("alerts.*",),
)
