"""A panel divides by another label: it is empty for ever."""

from typing import Any

from lab.breaking import Defect, dashboard, panel_titled


def _edit(document: dict[str, Any]) -> None:
    panel = panel_titled(document, "Errors by Provider and Code")
    errors, requests = "sum by (code) (rate(ocr_errors_total[5m]))", "sum by (provider) (rate(ocr_requests_total[5m]))"
    panel["targets"][0]["expr"] = f"{errors} / {requests}"


DEFECT = Defect(
    breaks="joins of panels match",
    caught_by=("dashboards.queries_well_made",),
    how=dashboard("providers", _edit),
)
