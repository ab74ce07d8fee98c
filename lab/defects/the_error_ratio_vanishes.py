"""The error ratio has no value while a service never failed."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "platform_error_ratio")
    rule["expr"] = 'sum(rate(ocr_requests_total{status="no_such_status"}[5m])) / platform:requests:rate5m'


DEFECT = Defect(
    breaks="the error ratio always has a value",
    caught_by=("prometheus.platform_error_ratio", "rehearsal.perfect_health_signals"),
    how=rules(_edit),
    # No data is no breach of a service level, but it is not a kept one either.
    also=("slo.error_ratio", "rehearsal.*", "alerts.*"),
)
