"""Prometheus drops the severity from its alerts before it sends them."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    document["alerting"]["alert_relabel_configs"] = [{"action": "labeldrop", "regex": "severity|team"}]


DEFECT = Defect(
    breaks="alerts are sent with their severity",
    caught_by=("routing.alerts_are_sent",),
    how=prometheus_config(_edit),
    also=("routing.*",),
)
