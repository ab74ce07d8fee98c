"""Grafana is down."""

from lab.breaking import Defect, stopped

DEFECT = Defect(
    breaks="Grafana answers",
    caught_by=("platform.grafana",),
    how=stopped("grafana"),
    also=("dashboards.*",),
)
