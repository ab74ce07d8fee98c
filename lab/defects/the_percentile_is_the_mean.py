"""The 95th percentile is the mean."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "ocr_p95_latency_seconds")["expr"] = (
        "sum(rate(ocr_processing_duration_seconds_sum[5s])) / sum(rate(ocr_processing_duration_seconds_count[5s])) / 10"
    )


DEFECT = Defect(
    breaks="the 95th percentile is that of the histogram",
    caught_by=("prometheus.p95_is_of_the_histogram",),
    how=rules(_edit),
    also=("rehearsal.*", "alerts.*", "queries.*", "slo.*", "dashboards.*"),
)
