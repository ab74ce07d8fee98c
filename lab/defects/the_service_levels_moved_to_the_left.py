"""The compliance with service levels is on the left of the Main Overview."""

from typing import Any

from lab.breaking import Defect, dashboard, panel_titled


def _edit(document: dict[str, Any]) -> None:
    panel = panel_titled(document, "SLO Compliance")
    panel["gridPos"]["x"] = 0


DEFECT = Defect(
    breaks="the compliance is at the bottom right",
    caught_by=("dashboards.panel_slo_compliance",),
    how=dashboard("observability", _edit),
)
