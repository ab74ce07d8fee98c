"""The alert on open breakers must hold for a day before it fires."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "CircuitBreakersOpen")
    rule["for"] = "24m"


DEFECT = Defect(
    breaks="open breakers are noticed in time",
    caught_by=("alerts.watch_breakers",),
    how=rules(_edit),
    also=("queries.*", "rehearsal.*"),
)
