"""The errors of two services are added without a zero for one that has never failed."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "platform:errors:rate5m")["expr"] = (
        'sum(rate(ocr_requests_total{status!~"success|input_error"}[5s])) + '
        'sum(rate(vision_requests_total{status!~"success|input_error"}[5s]))'
    )


DEFECT = Defect(
    breaks="the error ratio has a value while a service has never failed",
    caught_by=("rehearsal.ocr_fails_signals", "rehearsal.vision_fails_signals"),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*", "prometheus.*", "slo.*"),
)
