"""Without a request yet, the availability is 0."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "slo_availability")
    rule["expr"] = f"({rule['expr'].strip()}) or vector(0)"


DEFECT = Defect(
    breaks="before the first request no budget is spent",
    caught_by=("rehearsal.fresh_process_signals",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*", "slo.*", "prometheus.*"),
)
