"""The error budget is that of an objective of 50 %: there is always most of it left."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "error_budget_remaining")
    rule["expr"] = "1 - (1 - slo_availability) / (1 - 0.5)"


DEFECT = Defect(
    breaks="the error budget is that of the objective",
    caught_by=("rehearsal.two_percent_signals",),
    how=rules(_edit),
    also=("rehearsal.*", "alerts.*"),
)
