"""The fast burn-rate alert lost a digit: 1.44 instead of 14.4."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "AvailabilityBurnFast")
    rule["expr"] = rule["expr"].replace("14.4", "1.44")


DEFECT = Defect(
    breaks="the faster the error budget burns, the sooner it is seen",
    caught_by=("alerts.burn_rates",),
    how=rules(_edit),
    also=("rehearsal.*",),
)
