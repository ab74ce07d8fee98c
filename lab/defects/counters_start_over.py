"""A worker's counters start over with every scrape."""

import re

from lab.breaking import Defect
from lab.tamper import Answer, answers

_FALLING = [1e6]


def _change(answer: Answer) -> None:
    _FALLING[0] -= 1.0
    pattern = r"^(ocr_rate_limited_total) .*$"
    answer.text = re.sub(pattern, rf"\1 {_FALLING[0]}", answer.text, flags=re.MULTILINE)


DEFECT = Defect(
    breaks="counters only grow",
    caught_by=("metrics.counters_only_grow",),
    how=answers("/metrics/", change=_change, replicas=("replica-1",)),
    also=("prometheus.same_samples", "metrics.counts_*"),
)
