"""The alert on open breakers fires at the half of them, not above it."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "CircuitBreakersOpen")["expr"] = "circuit_breaker_open_ratio >= 0.5"


DEFECT = Defect(
    breaks="half of the breakers may be open",
    caught_by=("rehearsal.breaker_open_does_not_page",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
