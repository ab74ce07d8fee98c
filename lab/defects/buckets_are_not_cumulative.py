"""A histogram's buckets count each observation once."""

import re

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.text = re.sub(
        r'^(classification_latency_seconds_bucket\{le="\+Inf"\}) .*$', r"\1 0.0", answer.text, flags=re.MULTILINE
    )


DEFECT = Defect(
    breaks="histogram buckets are cumulative",
    caught_by=("metrics.classification_latency_seconds",),
    how=answers("/metrics/", change=_change),
    also=("metrics.counters_only_grow", "prometheus.same_samples"),
)
