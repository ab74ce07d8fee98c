"""Prometheus sends its alerts to an address where nothing listens."""

from typing import Any

from lab.breaking import Defect, both, prometheus_config, rules


def _send_elsewhere(document: dict[str, Any]) -> None:
    document["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = ["127.0.0.1:9"]


def _fire(document: dict[str, Any]) -> None:
    rule = {"alert": "Watchdog", "expr": "vector(1)", "labels": {"severity": "none"}}
    document["groups"].append({"name": "watchdog", "interval": "1s", "rules": [rule]})


DEFECT = Defect(
    breaks="alerts reach Alertmanager",
    caught_by=("routing.alerts_leave_prometheus",),
    how=both(rules(_fire), prometheus_config(_send_elsewhere)),
    also=("alerts.*", "queries.*", "rehearsal.*", "routing.alertmanager_connected"),
)
