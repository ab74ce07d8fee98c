"""The health score of a provider can exceed 100."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "provider_health_score")
    rule["expr"] = "3 * (" + rule["expr"].strip() + ")"


DEFECT = Defect(
    breaks="the health score is at most 100",
    caught_by=("prometheus.provider_health_score", "rehearsal.perfect_health_signals"),
    how=rules(_edit),
    also=("rehearsal.*", "alerts.*"),
)
