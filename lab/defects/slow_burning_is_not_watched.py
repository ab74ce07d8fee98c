"""Only the burn-rate alert of an hour was deployed."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    for group in document["groups"]:
        lost = ("AvailabilityBurnMedium", "AvailabilityBurnSlow")
        group["rules"] = [rule for rule in group["rules"] if rule.get("alert") not in lost]


DEFECT = Defect(
    breaks="slow burning of the error budget is seen",
    caught_by=("alerts.burn_rates",),
    how=rules(_edit),
    also=("rehearsal.*",),
)
