"""The alert on the error ratio fires while the target is met."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "PlatformErrorRateHigh")["expr"] = "platform_error_ratio > 0.005"


DEFECT = Defect(
    breaks="no alert on the error ratio fires while the target is met",
    caught_by=("rehearsal.within_target_is_quiet",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
