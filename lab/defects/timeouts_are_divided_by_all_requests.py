"""The alert on timeouts divides those of a provider by the requests of all: no labels match."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "ProviderTimeouts")
    rule["expr"] = rule["expr"].replace("(sum by (provider) (rate(ocr_requests_total", "(sum(rate(ocr_requests_total")


DEFECT = Defect(
    breaks="the two sides of each operator can match",
    caught_by=("queries.joins_match",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
