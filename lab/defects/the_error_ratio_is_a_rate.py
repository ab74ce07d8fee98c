"""The error ratio forgot to divide, and counts requests a second."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "platform_error_ratio")
    rule["expr"] = "3600 * platform:requests:rate5m"


DEFECT = Defect(
    breaks="the error ratio is a ratio",
    caught_by=("prometheus.platform_error_ratio", "slo.error_ratio", "rehearsal.perfect_health_signals"),
    how=rules(_edit),
    also=("rehearsal.*", "alerts.*"),
)
