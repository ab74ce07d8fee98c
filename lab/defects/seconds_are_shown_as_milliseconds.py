"""A latency in seconds is shown in milliseconds: two seconds look like two milliseconds."""

from typing import Any

from lab.breaking import Defect, dashboard, panel_titled


def _edit(document: dict[str, Any]) -> None:
    panel = panel_titled(document, "Vision Latency P95")
    panel["fieldConfig"]["defaults"]["unit"] = "ms"


DEFECT = Defect(
    breaks="durations are shown as what they are",
    caught_by=("dashboards.units_fit",),
    how=dashboard("performance", _edit),
)
