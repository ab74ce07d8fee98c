"""The alert on the error budget waits until a fiftieth of it is left."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "ErrorBudgetLow")
    rule["expr"] = "error_budget_remaining < 0.02"


DEFECT = Defect(
    breaks="a low error budget is noticed",
    caught_by=("alerts.watch_error_budget",),
    how=rules(_edit),
    also=("queries.*", "rehearsal.*"),
)
