"""The error budget shows what is spent, not what is left."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "error_budget_remaining")
    rule["expr"] = "(1 - slo_availability) / (1 - 0.99)"


DEFECT = Defect(
    breaks="the budget is untouched when nothing has failed",
    caught_by=("prometheus.budget_follows_availability",),
    how=rules(_edit),
    also=("slo.error_budget",),
)
