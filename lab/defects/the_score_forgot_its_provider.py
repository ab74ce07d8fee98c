"""The health score is the average of all providers."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "provider_health_score")
    rule["expr"] = "avg(" + rule["expr"].strip() + ")"


DEFECT = Defect(
    breaks="each provider has a health score",
    caught_by=("prometheus.provider_health_score", "rehearsal.provider_fails_signals"),
    how=rules(_edit),
    also=("rehearsal.*", "alerts.*"),
)
