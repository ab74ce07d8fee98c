"""The error rate, a ratio, is shown as a percentage: 5 % look like 0.05 %."""

from typing import Any

from lab.breaking import Defect, dashboard, panel_titled


def _edit(document: dict[str, Any]) -> None:
    panel = panel_titled(document, "Platform Error Rates")
    panel["fieldConfig"]["defaults"]["unit"] = "percent"


DEFECT = Defect(
    breaks="ratios are shown as ratios",
    caught_by=("dashboards.units_fit",),
    how=dashboard("observability", _edit),
)
