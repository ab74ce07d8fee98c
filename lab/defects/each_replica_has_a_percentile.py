"""The 95th percentile is recorded once for each replica: a label too many was kept."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "ocr_p95_latency_seconds")
    rule["expr"] = rule["expr"].replace("sum by (le)", "sum by (le, instance)")


DEFECT = Defect(
    breaks="there is one 95th percentile, that of the platform",
    caught_by=("prometheus.ocr_p95_latency_seconds",),
    how=rules(_edit),
)
