"""The alert on single breakers takes half-open for open."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "CircuitBreakerOpen")
    rule["expr"] = rule["expr"].replace("== 2", "== 1")


DEFECT = Defect(
    breaks="an alert on the states of breakers fires when they are open",
    caught_by=("rehearsal.breakers_open_seen",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
