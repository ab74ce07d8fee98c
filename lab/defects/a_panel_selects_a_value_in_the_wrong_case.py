"""A panel selects a label value in the wrong case: it is empty for ever."""

from typing import Any

from lab.breaking import Defect, dashboard, panel_titled


def _edit(document: dict[str, Any]) -> None:
    panel = panel_titled(document, "Requests by Provider")
    panel["targets"][0]["expr"] = 'sum by (provider) (rate(ocr_requests_total{status="Success"}[5m]))'


DEFECT = Defect(
    breaks="panels show what there is",
    caught_by=("dashboards.queries_have_data",),
    how=dashboard("providers", _edit),
)
