"""The alert on the error ratio goes on for a day when it is over."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    # A day of production timings.
    rule_named(document, "PlatformErrorRateHigh")["keep_firing_for"] = "24m"


DEFECT = Defect(
    breaks="alerts on the error ratio end when errors do",
    caught_by=("alerts.in_time", "rehearsal.outage_over_ends_alerts"),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
