"""A repeated panel in a collapsed row reads a label that its metric does not have."""

from typing import Any

from lab.breaking import Defect, dashboard, panel_titled


def _edit(document: dict[str, Any]) -> None:
    panel = panel_titled(document, "Errors of $provider by Stage")
    panel["targets"][0]["expr"] = 'sum by (stage) (rate(ocr_errors_total{engine=~"$provider"}[$__rate_interval]))'


DEFECT = Defect(
    breaks="panels show what there is",
    caught_by=("dashboards.queries_have_data",),
    how=dashboard("providers", _edit),
)
