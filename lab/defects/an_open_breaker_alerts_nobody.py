"""The alerts on open breakers look for a state that there is not."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "CircuitBreakerOpen")["expr"] = "count by (key) (ocr_circuit_state == 3) > 0"
    rule_named(document, "CircuitBreakersOpen")["expr"] = "avg(ocr_circuit_state == bool 3) > 0.5"


DEFECT = Defect(
    breaks="an alert tells of an open breaker",
    caught_by=("chaos.provider_down_paddle.alerted",),
    how=rules(_edit),
    also=("chaos.*",),
    chaos="provider_down_paddle",
)
