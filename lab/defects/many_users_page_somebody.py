"""The alert on a usage spike is critical."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "UsageSpike")
    rule["labels"]["severity"] = "critical"
    # A lab has capped its day so short that a spike soon is what is usual.
    rule["expr"] = "platform:requests:rate5m > 50"


DEFECT = Defect(
    breaks="many users page nobody while all is well",
    caught_by=("rehearsal.traffic_spike_does_not_page",),
    how=rules(_edit),
    also=("alerts.*", "routing.*", "rehearsal.*"),
)
