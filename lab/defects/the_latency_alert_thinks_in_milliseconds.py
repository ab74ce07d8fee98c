"""The alert on latency compares seconds with 2000."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "OcrLatencyHigh")
    rule["expr"] = "ocr_p95_latency_seconds > 2000"


DEFECT = Defect(
    breaks="slow OCR requests are noticed",
    caught_by=("alerts.watch_ocr_latency", "alerts.can_fire"),
    how=rules(_edit),
    also=("queries.*", "rehearsal.*"),
)
