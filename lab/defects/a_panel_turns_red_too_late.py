"""The error rate turns red at 10 %, and not at 5 %."""

from typing import Any

from lab.breaking import Defect, dashboard, panel_titled


def _edit(document: dict[str, Any]) -> None:
    panel = panel_titled(document, "Platform Error Rates")
    panel["fieldConfig"]["defaults"]["thresholds"]["steps"][2]["value"] = 0.1


DEFECT = Defect(
    breaks="panels turn red at the manual's thresholds",
    caught_by=("dashboards.thresholds_as_promised",),
    how=dashboard("observability", _edit),
)
