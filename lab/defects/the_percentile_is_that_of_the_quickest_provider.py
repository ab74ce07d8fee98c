"""The 95th percentile is that of the quickest provider."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "ocr_p95_latency_seconds")["expr"] = (
        "min(histogram_quantile(0.95, sum by (provider, le) (rate(ocr_processing_duration_seconds_bucket[5s]))) >= 0)"
    )


DEFECT = Defect(
    breaks="a slow provider shows in the 95th percentile",
    caught_by=("rehearsal.slow_provider_signals",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
