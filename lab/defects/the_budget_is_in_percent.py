"""The error budget is recorded in percent."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "error_budget_remaining")
    rule["expr"] = f"100 * ({rule['expr'].strip()})"


DEFECT = Defect(
    breaks="the budget is a share of 1",
    caught_by=("prometheus.error_budget_remaining", "rehearsal.perfect_health_signals"),
    how=rules(_edit),
    also=("slo.error_budget", "rehearsal.*", "alerts.*"),
)
