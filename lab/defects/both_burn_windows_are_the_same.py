"""The fast burn-rate alert reads the long window twice."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "AvailabilityBurnFast")
    rule["expr"] = rule["expr"].replace("rate5m", "rate1h")


DEFECT = Defect(
    breaks="fast burning is seen, and its end",
    caught_by=("alerts.burn_rates",),
    how=rules(_edit),
    also=("rehearsal.*", "alerts.unique"),
)
