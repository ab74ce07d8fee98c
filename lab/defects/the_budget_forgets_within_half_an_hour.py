"""The availability is that of the last half hour."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "slo_availability")
    # A lab has capped its 30 days at a minute, which is an hour of production timings.
    rule["expr"] = rule["expr"].replace("[1m]", "[30s]").replace("[60s]", "[30s]")


DEFECT = Defect(
    breaks="what an outage cost stays in the budget when it is over",
    caught_by=("rehearsal.outage_over_signals",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*", "slo.*", "prometheus.*"),
)
