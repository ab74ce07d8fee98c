"""The health score is recorded as 0 to 1 and alerted on as 0 to 100."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "provider_health_score")
    rule["expr"] = "0.01 * (" + rule["expr"].strip() + ")"


DEFECT = Defect(
    breaks="the health score is 0 to 100",
    caught_by=("slo.provider_health", "rehearsal.perfect_health_signals"),
    how=rules(_edit),
    also=("rehearsal.*", "alerts.*"),
)
