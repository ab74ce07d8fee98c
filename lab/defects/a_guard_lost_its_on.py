"""The guard on traffic of an alert matches on all labels again, and its sides have different ones."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "CircuitBreakerOpen")
    rule["expr"] += " and sum(rate(ocr_requests_total[5s])) > 0.02"


DEFECT = Defect(
    breaks="the two sides of each operator can match",
    caught_by=("queries.joins_match",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
