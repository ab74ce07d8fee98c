"""The limit of the error ratio is 10 %, not 5 %."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "PlatformErrorRateHigh")["expr"] = "platform_error_ratio > 0.1"


DEFECT = Defect(
    breaks="the limit of the error ratio is 5 %",
    caught_by=("rehearsal.six_percent_alerts",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
