"""The alert on the error budget fires while there is some left."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "ErrorBudgetLow")["expr"] = "error_budget_remaining > 0.2"
    rule_named(document, "ErrorBudgetExhausted")["expr"] = "error_budget_remaining > 1"


DEFECT = Defect(
    breaks="in perfect health no alert fires",
    caught_by=("rehearsal.perfect_health_is_quiet", "rehearsal.counters_reset_is_quiet", "rehearsal.budget_alerts"),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
