"""The alert on traffic compares events a second with events in a window."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rate, count = "sum(rate(ocr_requests_total[5s]))", "sum(increase(ocr_requests_total[60s]))"
    rule_named(document, "UsageSpike")["expr"] = f"{rate} > 3 * {count} or {rate} > {count}"


DEFECT = Defect(
    breaks="rules compare what is of the same unit",
    caught_by=("queries.units_agree",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
