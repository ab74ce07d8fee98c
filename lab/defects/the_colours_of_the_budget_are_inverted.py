"""A full error budget is red, an empty one green."""

from typing import Any

from lab.breaking import Defect, dashboard, panel_titled


def _edit(document: dict[str, Any]) -> None:
    panel = panel_titled(document, "Error Budget Remaining")
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    steps[0]["color"], steps[2]["color"] = steps[2]["color"], steps[0]["color"]


DEFECT = Defect(
    breaks="panels turn red at the manual's thresholds",
    caught_by=("dashboards.thresholds_as_promised",),
    how=dashboard("slo", _edit),
)
