"""The error budget shows what is spent, not what is left."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "error_budget_remaining")
    rule["expr"] = "(1 - slo_availability) / (1 - 0.99)"


DEFECT = Defect(
    breaks="most of the error budget is left when nothing has failed",
    caught_by=("slo.error_budget", "rehearsal.perfect_health_signals", "rehearsal.half_fails_signals"),
    how=rules(_edit),
    also=("rehearsal.*", "alerts.*"),
)
