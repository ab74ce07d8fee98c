"""Requests are counted twice below the line of the error ratio: once as requests, once as what was observed."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "platform_error_ratio")["expr"] = "platform:errors:rate5m / (2 * platform:requests:rate5m > 0)"


DEFECT = Defect(
    breaks="the error ratio is the share of the requests that fail",
    caught_by=(
        "rehearsal.two_percent_signals",
        "rehearsal.half_fails_signals",
        "rehearsal.six_percent_signals",
    ),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
