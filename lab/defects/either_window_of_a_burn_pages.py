"""The second burn-rate alert takes either of its windows for both."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "AvailabilityBurnMedium")
    rule["expr"] = rule["expr"].replace("and on ()", "or on ()")


DEFECT = Defect(
    breaks="a burn-rate alert wants both windows to burn",
    caught_by=("alerts.burn_rates",),
    how=rules(_edit),
)
