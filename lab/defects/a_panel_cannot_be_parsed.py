"""A query lost a parenthesis."""

from typing import Any

from lab.breaking import Defect, dashboard, panel_titled


def _edit(document: dict[str, Any]) -> None:
    panel = panel_titled(document, "OCR Latency")
    panel["targets"][1]["expr"] = (
        "histogram_quantile(0.5, sum by (le) (rate(ocr_processing_duration_seconds_bucket[5m]))"
    )


DEFECT = Defect(
    breaks="queries of panels are PromQL",
    caught_by=("dashboards.queries_readable",),
    how=dashboard("performance", _edit),
)
