"""An alert leads to a runbook that nobody wrote."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "RedisDown")["annotations"]["runbook_url"] = "docs/runbooks/redis_failover.md"


DEFECT = Defect(
    breaks="every runbook exists",
    caught_by=("alerts.runbooks",),
    how=rules(_edit),
)
