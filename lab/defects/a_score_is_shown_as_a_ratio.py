"""The health score of 0 to 100 is shown as a ratio: 95 of 100 look like 9500 %."""

from typing import Any

from lab.breaking import Defect, dashboard, panel_titled


def _edit(document: dict[str, Any]) -> None:
    panel = panel_titled(document, "Provider Health Score")
    panel["fieldConfig"]["defaults"]["unit"] = "percentunit"


DEFECT = Defect(
    breaks="scores are shown as percentages or plain numbers",
    caught_by=("dashboards.units_fit",),
    how=dashboard("providers", _edit),
)
