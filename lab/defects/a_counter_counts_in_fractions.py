"""A counter of events is increased by parts of one."""

import re

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    pattern = r"^(ocr_rate_limited_total) (.*)$"
    answer.text = re.sub(pattern, lambda found: f"{found[1]} {float(found[2]) + 0.5}", answer.text, flags=re.MULTILINE)


DEFECT = Defect(
    breaks="a counter of events counts events",
    caught_by=("metrics.ocr_rate_limited_total",),
    how=answers("/metrics/", change=_change),
    also=("prometheus.same_samples",),
)
