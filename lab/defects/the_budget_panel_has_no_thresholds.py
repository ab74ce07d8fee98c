"""The gauge of the error budget is green whatever is left of it."""

from typing import Any

from lab.breaking import Defect, dashboard, panel_titled


def _edit(document: dict[str, Any]) -> None:
    del panel_titled(document, "Error Budget Remaining")["fieldConfig"]["defaults"]["thresholds"]


DEFECT = Defect(
    breaks="the colour of the gauge tells how it is",
    caught_by=("dashboards.panel_error_budget",),
    how=dashboard("observability", _edit),
)
