"""The alert on comparisons that fail leads to what to do when they find nothing."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "CompareFailureRateHigh")["annotations"]["runbook_url"] = "docs/runbooks/compare_not_found.md"


DEFECT = Defect(
    breaks="an alert leads to the runbook of what it sees",
    caught_by=("alerts.watch_compare_failures",),
    how=rules(_edit),
)
