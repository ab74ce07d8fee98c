"""The alert on latency waits for a quantile above the largest bucket, which it can never be."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    buckets = "sum by (le) (rate(ocr_processing_duration_seconds_bucket[5s]))"
    rule_named(document, "OcrLatencyHigh")["expr"] = f"histogram_quantile(0.95, {buckets}) > 2000"


DEFECT = Defect(
    breaks="rules compare within what values can be",
    caught_by=("queries.units_agree",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
