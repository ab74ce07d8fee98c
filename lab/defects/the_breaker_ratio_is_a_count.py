"""The share of open breakers counts breakers."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "circuit_breaker_open_ratio")
    rule["expr"] = "count(ocr_circuit_state)"


DEFECT = Defect(
    breaks="the share is a ratio",
    caught_by=("prometheus.circuit_breaker_open_ratio", "rehearsal.perfect_health_signals"),
    how=rules(_edit),
    also=("prometheus.breaker_ratio_is_of_the_breakers", "slo.circuit_breakers", "rehearsal.*", "alerts.*"),
)
