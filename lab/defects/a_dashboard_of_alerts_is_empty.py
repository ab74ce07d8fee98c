"""The dashboard of alerts was saved without its panels."""

from lab.breaking import Defect, dashboard

DEFECT = Defect(
    breaks="the dashboard of alerts shows them",
    caught_by=("dashboards.alerts",),
    how=dashboard("alerts", lambda document: {**document, "panels": []}),
)
