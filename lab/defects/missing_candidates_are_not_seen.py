"""The alert on missing candidates divides them by themselves and by all others, and asks for more than there can be."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "CompareNotFoundDominant")
    rule["expr"] = rule["expr"].replace("> 0.5", "> 1.5")


DEFECT = Defect(
    breaks="an alert fires when most comparisons find no candidate",
    caught_by=("rehearsal.candidates_missing_alerts",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
