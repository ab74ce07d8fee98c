"""The alert on the fastest burning of the budget waits for six (scaled) minutes, the next one not at all."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "AvailabilityBurnFast")["for"] = "6s"
    rule_named(document, "AvailabilityBurnMedium")["for"] = "0s"


DEFECT = Defect(
    breaks="alerts on how fast the error budget burns come in the order of their windows",
    caught_by=("chaos.two_providers_down.burn_order",),
    how=rules(_edit),
    also=("chaos.*",),
    chaos="two_providers_down",
)
