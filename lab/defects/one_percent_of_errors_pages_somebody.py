"""The critical alert on the error ratio has the limit of the target."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "PlatformErrorRateCritical")["expr"] = "platform_error_ratio > 0.01"


DEFECT = Defect(
    breaks="2 % of errors page nobody",
    caught_by=("rehearsal.two_percent_does_not_page",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
