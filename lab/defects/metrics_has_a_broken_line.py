"""A label value with a raw quote breaks a line of the metrics page."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.text += 'ocr_note{text="12" pipe"} 1\n'


DEFECT = Defect(
    breaks="the metrics page is well-formed",
    caught_by=("metrics.syntax",),
    how=answers("/metrics/", change=_change),
    # Prometheus refuses the whole page.
    also=("prometheus.*", "slo.*"),
)
