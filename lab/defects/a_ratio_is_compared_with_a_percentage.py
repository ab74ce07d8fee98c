"""The alert on errors compares a ratio with 5, as if it were a percentage."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "PlatformErrorRateHigh")
    rule["expr"] = "platform_error_ratio > 5"


DEFECT = Defect(
    breaks="the alert on errors can fire",
    caught_by=("alerts.can_fire", "alerts.watch_error_ratio"),
    how=rules(_edit),
    also=("queries.*", "rehearsal.*"),
)
