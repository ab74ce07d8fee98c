"""The 95th percentile is recorded in milliseconds."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "ocr_p95_latency_seconds")
    rule["expr"] = "100000 * (" + rule["expr"].strip() + ")"


DEFECT = Defect(
    breaks="latency is recorded in seconds",
    caught_by=("slo.ocr_latency", "prometheus.ocr_p95_latency_seconds", "rehearsal.perfect_health_signals"),
    how=rules(_edit),
    also=("rehearsal.*", "alerts.*"),
)
