"""The share of open breakers is the share of closed ones."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "circuit_breaker_open_ratio")
    rule["expr"] = "avg(ocr_circuit_state == bool 0)"


DEFECT = Defect(
    breaks="the share of open breakers is 0 when all are closed",
    caught_by=(
        "prometheus.breaker_ratio_is_of_the_breakers",
        "prometheus.breaker_ratio_is_the_share",
        "slo.circuit_breakers",
        "rehearsal.perfect_health_signals",
    ),
    how=rules(_edit),
    also=("rehearsal.*", "alerts.*"),
)
