"""The gauge of the error budget lost its query."""

from typing import Any

from lab.breaking import Defect, dashboard, panel_titled


def _edit(document: dict[str, Any]) -> None:
    panel = panel_titled(document, "Error Budget Remaining")
    panel["targets"] = []


DEFECT = Defect(
    breaks="the gauge shows the budget",
    caught_by=("dashboards.panel_error_budget",),
    how=dashboard("observability", _edit),
)
