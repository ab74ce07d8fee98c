"""The alert on unusual traffic compares with 0: it fires whenever there is any traffic, or none."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "UsageSpike")
    rule["expr"] = "platform:requests:rate5m >= 0"
    rule["for"] = "1s"


DEFECT = Defect(
    breaks="no alert fires when all is well",
    caught_by=("alerts.none_fires",),
    how=rules(_edit),
    also=("queries.*", "rehearsal.*"),
)
