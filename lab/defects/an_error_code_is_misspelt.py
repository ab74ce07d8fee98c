"""The alert on timeouts misspells the error code, and falls back to zero."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "ProviderTimeouts")
    rule["expr"] = 'sum(rate(ocr_errors_total{code="PROVIDER_TIMOUT"}[5s])) or vector(0) > 0.05'
    rule["annotations"]["summary"] = "A provider does not answer in time"
    rule["annotations"]["description"] = "{{ $value | humanize }} requests a second timed out."


DEFECT = Defect(
    breaks="every label value that a rule selects exists",
    caught_by=("queries.values_exist",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
