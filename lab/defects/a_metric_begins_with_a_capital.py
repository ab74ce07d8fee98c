"""The alert on the budget writes the name of its metric with a capital."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "OcrLatencyHigh")["expr"] = "OCR_p95_latency_seconds > 2"


DEFECT = Defect(
    breaks="rules write names as the metrics do",
    caught_by=("queries.cases_agree",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
