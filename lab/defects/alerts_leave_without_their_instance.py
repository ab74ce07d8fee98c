"""Prometheus drops the instance from its alerts before it sends them: two silent replicas are one alert."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    document["alerting"]["alert_relabel_configs"] = [{"action": "labeldrop", "regex": "instance|replica"}]


DEFECT = Defect(
    breaks="alerts are sent with what they are about",
    caught_by=("routing.alerts_are_sent",),
    how=prometheus_config(_edit),
    also=("routing.*",),
)
