"""Refused input is exposed as a gauge."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.text = answer.text.replace(
        "# TYPE ocr_input_rejected_total counter", "# TYPE ocr_input_rejected_total gauge"
    )


DEFECT = Defect(
    breaks="refused input is a counter",
    caught_by=("metrics.ocr_input_rejected_total",),
    how=answers("/metrics/", change=_change),
)
