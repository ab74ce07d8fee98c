"""An alert goes on reading the breakers' state under another name."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "CircuitBreakerOpen")
    rule["expr"] = "count by (key) (ocr_circuit_status == 2) > 0"


DEFECT = Defect(
    breaks="the alert on breakers can fire",
    caught_by=("alerts.can_fire",),
    how=rules(_edit),
    also=("queries.*", "rehearsal.*"),
)
