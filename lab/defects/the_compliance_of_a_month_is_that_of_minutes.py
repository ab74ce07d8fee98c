"""The panel of SLO compliance shows what succeeded in the last five minutes, and says 30 days."""

from typing import Any

from lab.breaking import Defect, dashboard, panel_titled


def _edit(document: dict[str, Any]) -> None:
    panel = panel_titled(document, "SLO Compliance")
    panel["targets"][0]["expr"] = "1 - platform_error_ratio"


DEFECT = Defect(
    breaks="the panel of SLO compliance shows the availability",
    caught_by=("dashboards.panel_slo_compliance",),
    how=dashboard("observability", _edit),
)
