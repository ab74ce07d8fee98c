"""The gauge of the error budget has its query, and hides it."""

from typing import Any

from lab.breaking import Defect, dashboard, panel_titled


def _edit(document: dict[str, Any]) -> None:
    for target in panel_titled(document, "Error Budget Remaining")["targets"]:
        target["hide"] = True


DEFECT = Defect(
    breaks="the gauge shows the budget",
    caught_by=("dashboards.panel_error_budget", "dashboards.queries_have_data"),
    how=dashboard("observability", _edit),
)
