"""The 95th percentile is the median."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "ocr_p95_latency_seconds")
    rule["expr"] = rule["expr"].replace("0.95", "0.5")


DEFECT = Defect(
    breaks="the 95th percentile is where 95 % of the requests end",
    caught_by=("rehearsal.slow_signals", "rehearsal.slow_alerts"),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
