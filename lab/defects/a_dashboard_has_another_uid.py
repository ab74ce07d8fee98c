"""The Main Overview has another uid: the manual's link leads nowhere."""

from lab.breaking import Defect, dashboard

DEFECT = Defect(
    breaks="the Main Overview is at /d/observability",
    caught_by=("dashboards.observability",),
    how=dashboard("observability", lambda document: {**document, "uid": "observabilty"}),
    also=("dashboards.panel_*",),
)
