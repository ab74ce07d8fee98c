"""The alerts on slow OCR requests have a limit of a minute."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "OcrLatencyHigh")["expr"] = "ocr_p95_latency_seconds > 60"
    for name in ("LatencyBurnFast", "LatencyBurnMedium", "LatencyBurnSlow"):
        rule_named(document, name)["expr"] = "platform:ocr_slow_ratio:rate5m > 2"


DEFECT = Defect(
    breaks="an alert tells that OCR requests are slow",
    caught_by=("chaos.provider_latency_below_paddle.alerted",),
    how=rules(_edit),
    also=("chaos.*",),
    chaos="provider_latency_below_paddle",
)
