"""The gauge of the error budget goes to a hundred, and its value to one."""

from typing import Any

from lab.breaking import Defect, dashboard, panel_titled


def _edit(document: dict[str, Any]) -> None:
    panel_titled(document, "Error Budget Remaining")["fieldConfig"]["defaults"]["max"] = 100


DEFECT = Defect(
    breaks="gauges have the scale of their values",
    caught_by=("dashboards.units_fit",),
    how=dashboard("slo", _edit),
)
