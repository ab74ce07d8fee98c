"""Prometheus drops alerts before it sends them."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    drop = {"source_labels": ["owner"], "regex": "platform", "action": "drop"}
    document["alerting"]["alert_relabel_configs"] = [drop]


DEFECT = Defect(
    breaks="alerts are sent",
    caught_by=("routing.alerts_are_sent",),
    how=prometheus_config(_edit),
    also=("routing.*",),
)
