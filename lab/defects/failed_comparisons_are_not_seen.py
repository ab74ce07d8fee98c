"""The alert on comparisons looks for a status that no comparison has."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "CompareFailureRateHigh")
    rule["expr"] = rule["expr"].replace('"error"', '"failed"')


DEFECT = Defect(
    breaks="an alert fires when comparisons fail",
    caught_by=("rehearsal.comparisons_fail_alerts",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
