"""The gauge of the smoothed OCR error rate is not updated any more."""

import re

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.text = re.sub(r"^ocr_error_rate_ema .*$", "ocr_error_rate_ema 0.4", answer.text, flags=re.MULTILINE)


DEFECT = Defect(
    breaks="the smoothed error rate is the same on the health page and on the metrics page",
    caught_by=("metrics.ocr_ema_as_on_health",),
    how=answers("/metrics/", change=_change),
)
