"""The error ratio is made of differences, and a counter that starts over is a loss to them."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "platform_error_ratio")["expr"] = (
        'clamp_min(1 - sum(delta(ocr_requests_total{status=~"success|input_error"}[5s])) / '
        "sum(increase(ocr_requests_total[5s])), 0)"
    )


DEFECT = Defect(
    breaks="a restart is no error",
    caught_by=("rehearsal.counters_reset_signals",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*", "prometheus.*", "slo.*"),
)
