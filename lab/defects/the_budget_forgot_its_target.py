"""The error budget is the availability: it forgot to divide by what may be spent."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "error_budget_remaining")["expr"] = "1 - (1 - slo_availability)"


DEFECT = Defect(
    breaks="the error budget is spent when the target is missed",
    caught_by=("rehearsal.half_fails_signals", "rehearsal.ocr_fails_signals", "rehearsal.budget_alerts"),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
