"""An alert leads nowhere."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    del rule_named(document, "UsageSpike")["annotations"]["runbook_url"]


DEFECT = Defect(
    breaks="every alert leads to a runbook",
    caught_by=("alerts.runbooks",),
    how=rules(_edit),
)
