"""The gauge of the error budget shows the most there was within the time range."""

from typing import Any

from lab.breaking import Defect, dashboard, panel_titled


def _edit(document: dict[str, Any]) -> None:
    panel_titled(document, "Error Budget Remaining")["options"]["reduceOptions"]["calcs"] = ["max"]


DEFECT = Defect(
    breaks="a gauge shows what is now",
    caught_by=("dashboards.numbers_are_of_now",),
    how=dashboard("slo", _edit),
)
