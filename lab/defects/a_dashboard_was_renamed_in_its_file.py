"""The dashboard of providers got a uid from its new title."""

from lab.breaking import Defect, dashboard

DEFECT = Defect(
    breaks="the dashboard of providers is at /d/providers",
    caught_by=("dashboards.providers",),
    how=dashboard("providers", lambda document: {**document, "uid": "engines", "title": "Engines"}),
)
