"""One replica runs an old version without the vision metrics."""

import re

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    lines = answer.text.splitlines()
    answer.text = "".join(f"{line}\n" for line in lines if not re.match(r"(# \w+ )?vision_", line))


DEFECT = Defect(
    breaks="every replica exposes every family",
    caught_by=("metrics.vision_*_total", "metrics.vision_processing_duration_seconds", "metrics.vision_error_rate_ema"),
    how=answers("/metrics/", change=_change, replicas=("replica-3",)),
    also=("metrics.*", "prometheus.*", "slo.*"),
)
