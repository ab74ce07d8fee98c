"""The error rates are at the bottom of the Main Overview, where nobody looks first."""

from typing import Any

from lab.breaking import Defect, dashboard, panel_titled


def _edit(document: dict[str, Any]) -> None:
    panel = panel_titled(document, "Platform Error Rates")
    panel["gridPos"] = {"x": 0, "y": 23, "w": 12, "h": 9}


DEFECT = Defect(
    breaks="the error rates are at the top left",
    caught_by=("dashboards.panel_error_rates",),
    how=dashboard("observability", _edit),
)
