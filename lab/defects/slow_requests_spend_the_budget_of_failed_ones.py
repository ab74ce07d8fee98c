"""The alert on slow requests has the budget of the availability: it pages at 14 %, not at 72 %."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "LatencyBurnFast")
    rule["expr"] = rule["expr"].replace("(1 - 0.95)", "(1 - 0.99)")


DEFECT = Defect(
    breaks="a fast burn of the latency's budget is worth more than a slow one",
    caught_by=("alerts.latency_burn_rates",),
    how=rules(_edit),
)
