"""The summary of an alert is a space."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "TargetDown")["annotations"]["summary"] = " "


DEFECT = Defect(
    breaks="every alert has a summary",
    caught_by=("alerts.summaries",),
    how=rules(_edit),
)
