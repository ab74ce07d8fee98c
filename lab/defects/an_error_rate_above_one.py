"""The smoothed vision error rate leaves its range."""

import re

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.text = re.sub(r"^vision_error_rate_ema .*$", "vision_error_rate_ema 1.7", answer.text, flags=re.MULTILINE)


DEFECT = Defect(
    breaks="the smoothed error rate is a ratio",
    caught_by=("metrics.vision_error_rate_ema", "metrics.vision_ema_as_on_health"),
    how=answers("/metrics/", change=_change),
)
