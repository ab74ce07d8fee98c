"""The alert on the error ratio waits longer than any incident lasts."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    for name in ("PlatformErrorRateHigh", "PlatformErrorRateCritical"):
        rule_named(document, name)["for"] = "6m"


DEFECT = Defect(
    breaks="an alert on the error ratio fires while it matters",
    caught_by=("rehearsal.six_percent_alerts",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
