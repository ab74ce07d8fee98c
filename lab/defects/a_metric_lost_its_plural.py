"""The alert on comparisons reads a counter under a name that lacks one letter."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "CompareFailureRateHigh")
    rule["expr"] = rule["expr"].replace("compare_requests_total", "compare_request_total")


DEFECT = Defect(
    breaks="every metric that a rule reads exists",
    caught_by=("queries.metrics_exist",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
