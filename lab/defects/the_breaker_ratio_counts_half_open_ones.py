"""The share of open breakers counts those that are half-open."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "circuit_breaker_open_ratio")["expr"] = "avg(ocr_circuit_state == bool 1)"


DEFECT = Defect(
    breaks="the share of open breakers counts open ones",
    caught_by=("rehearsal.breaker_open_signals", "rehearsal.breakers_open_signals", "rehearsal.breakers_open_alerts"),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*", "prometheus.breaker_ratio_is_of_the_breakers"),
)
