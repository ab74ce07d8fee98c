"""The smoothed error rate is not a number."""

import re

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.text = re.sub(r"^ocr_error_rate_ema .*$", "ocr_error_rate_ema NaN", answer.text, flags=re.MULTILINE)


DEFECT = Defect(
    breaks="the smoothed error rate has a value",
    caught_by=("metrics.ocr_error_rate_ema",),
    how=answers("/metrics/", change=_change),
    also=("metrics.ocr_ema_as_on_health",),
)
