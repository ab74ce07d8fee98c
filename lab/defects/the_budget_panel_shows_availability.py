"""The gauge of the error budget shows the availability, which is always near 100 %."""

from typing import Any

from lab.breaking import Defect, dashboard, panel_titled


def _edit(document: dict[str, Any]) -> None:
    for target in panel_titled(document, "Error Budget Remaining")["targets"]:
        target["expr"] = "slo_availability"


DEFECT = Defect(
    breaks="the gauge shows the budget",
    caught_by=("dashboards.panel_error_budget",),
    how=dashboard("observability", _edit),
)
