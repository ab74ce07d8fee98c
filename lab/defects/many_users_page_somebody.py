"""The alert on a usage spike is critical."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "UsageSpike")["labels"]["severity"] = "critical"


DEFECT = Defect(
    breaks="many users page nobody while all is well",
    caught_by=("rehearsal.traffic_spike_does_not_page",),
    how=rules(_edit),
    also=("alerts.*", "routing.*", "rehearsal.*"),
)
