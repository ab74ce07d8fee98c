"""The alert on fast burning compares the error ratio with a burn rate."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "AvailabilityBurnFast")
    rule["expr"] = rule["expr"].replace(" * (1 - 0.99)", "")


DEFECT = Defect(
    breaks="an alert on fast burning fires when everything fails",
    caught_by=("rehearsal.no_alert_sleeps",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
