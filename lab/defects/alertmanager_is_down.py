"""Alertmanager is down."""

from lab.breaking import Defect, stopped

DEFECT = Defect(
    breaks="Alertmanager answers",
    caught_by=("platform.alertmanager",),
    how=stopped("alertmanager"),
)
