"""Two registries are merged, and one series stands on the page twice."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    lines = answer.text.splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("ocr_error_rate_ema "))
    lines.insert(at, "ocr_error_rate_ema 0.0")
    answer.text = "\n".join(lines) + "\n"


DEFECT = Defect(
    breaks="the metrics page has each series once",
    caught_by=("metrics.syntax",),
    how=answers("/metrics/", change=_change),
)
