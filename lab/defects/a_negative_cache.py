"""The size of the classifier's cache is counted down too often."""

import re

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.text = re.sub(
        r"^classification_cache_size .*$", "classification_cache_size -3.0", answer.text, flags=re.MULTILINE
    )


DEFECT = Defect(
    breaks="the cache has a size",
    caught_by=("metrics.classification_cache_size",),
    how=answers("/metrics/", change=_change),
)
