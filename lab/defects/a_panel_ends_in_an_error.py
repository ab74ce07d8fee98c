"""A panel divides series of which several match one."""

from typing import Any

from lab.breaking import Defect, dashboard, panel_titled


def _edit(document: dict[str, Any]) -> None:
    panel = panel_titled(document, "Rate-Limited Requests")
    panel["targets"][0]["expr"] = "up / on (job) group_left () up"


DEFECT = Defect(
    breaks="queries of panels are answered",
    caught_by=("dashboards.queries_answered",),
    how=dashboard("performance", _edit),
    also=("dashboards.queries_well_made",),
)
