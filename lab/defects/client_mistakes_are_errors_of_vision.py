"""Refused images count as errors of the platform: the filter of vision's errors lost a status."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "platform:errors:rate5m")
    rule["expr"] = rule["expr"].replace(
        'vision_requests_total{status!~"success|input_error"}', 'vision_requests_total{status!="success"}'
    )


DEFECT = Defect(
    breaks="what clients do wrong counts alike in every service",
    caught_by=("rehearsal.input_refused_signals",),
    how=rules(_edit),
)
