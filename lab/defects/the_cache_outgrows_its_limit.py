"""The classifier's cache holds more than the configuration allows."""

import re

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.text = re.sub(
        r"^classification_cache_size .*$", "classification_cache_size 1500.0", answer.text, flags=re.MULTILINE
    )


DEFECT = Defect(
    breaks="the cache holds no more than allowed",
    caught_by=("metrics.cache_within_its_limit",),
    how=answers("/metrics/", change=_change),
)
