"""The bounds of the buckets are summed away before the 95th percentile is taken."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "ocr_p95_latency_seconds")
    rule["expr"] = rule["expr"].replace("sum by (le) (", "sum(")


DEFECT = Defect(
    breaks="the 95th percentile has a value",
    caught_by=("rehearsal.perfect_health_signals", "rehearsal.slow_signals", "rehearsal.slow_alerts"),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*", "prometheus.*", "slo.*"),
)
