"""The metrics spell error codes in lower case, the answers in upper case."""

import re

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.text = re.sub(
        r'(ocr_errors\w*\{code=")([A-Z_]+)"', lambda found: found[1] + found[2].lower() + '"', answer.text
    )


DEFECT = Defect(
    breaks="error codes are spelled as in the answers",
    caught_by=("metrics.ocr_errors_total",),
    how=answers("/metrics/", change=_change),
    also=("metrics.counts_ocr_refused_input", "metrics.counters_only_grow", "prometheus.same_samples"),
)
