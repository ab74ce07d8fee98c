"""An alert counts refused classifications under a name that does not exist, and takes 0 for want of it."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "ClassifierRateLimited")
    rule["expr"] = "(sum(rate(classification_rate_limit_total[5s])) or vector(0)) > 0.5"


DEFECT = Defect(
    breaks="the alert on refused classifications can fire",
    caught_by=("alerts.can_fire",),
    how=rules(_edit),
    also=("queries.*", "rehearsal.*"),
)
