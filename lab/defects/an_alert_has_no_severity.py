"""An alert lost its severity."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    del rule_named(document, "LoadBalancerDown")["labels"]["severity"]


DEFECT = Defect(
    breaks="every alert has a severity",
    caught_by=("alerts.severities",),
    how=rules(_edit),
    also=("routing.*", "rehearsal.*"),
)
