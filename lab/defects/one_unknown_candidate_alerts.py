"""The alert on missing candidates lost its guard on traffic: one request at night is enough."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "CompareNotFoundDominant")
    rule["expr"] = rule["expr"].split("and on ()")[0].strip()


DEFECT = Defect(
    breaks="a handful of comparisons fires no alert",
    caught_by=("rehearsal.lone_comparison_is_quiet",),
    how=rules(_edit),
)
