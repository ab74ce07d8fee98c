"""Prometheus is down."""

from lab.breaking import Defect, stopped

DEFECT = Defect(
    breaks="Prometheus answers",
    caught_by=("platform.prometheus",),
    how=stopped("prometheus"),
    also=("prometheus.*", "slo.*"),
)
