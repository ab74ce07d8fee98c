"""The error ratio divides the errors of OCR alone by the requests of all services."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "platform:errors:rate5m")["expr"] = (
        'sum(rate(ocr_requests_total{status!~"success|input_error"}[5s])) or vector(0)'
    )


DEFECT = Defect(
    breaks="errors of every service are errors",
    caught_by=("rehearsal.vision_fails_signals",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*", "prometheus.*", "slo.*"),
)
