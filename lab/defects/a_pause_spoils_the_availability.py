"""The availability averages a ratio that is not a number while nobody asks for anything."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "platform_error_ratio")["expr"] = "platform:errors:rate5m / platform:requests:rate5m"
    rule_named(document, "slo_availability")["expr"] = "1 - avg_over_time(platform_error_ratio[60s])"


DEFECT = Defect(
    breaks="a pause costs no availability",
    caught_by=("rehearsal.traffic_returns_signals",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*", "prometheus.*", "slo.*"),
)
