"""An alert asks whether the count of replicas that answer is 0; a count of nothing is empty, and never 0."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "PlatformDown")
    rule["expr"] = 'count(up{job="cad-ml-platform"} == 1) == 0'


DEFECT = Defect(
    breaks="the alert for a platform that is down can fire",
    caught_by=("alerts.can_fire", "alerts.watch_platform"),
    how=rules(_edit),
    also=("queries.*", "rehearsal.*"),
)
