"""The gauge of the cache's size has missed the last few entries of one replica."""

import re

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _less(match: re.Match[str]) -> str:
    return f"{match[1]}{max(0.0, float(match[2]) - 5)}"


def _change(answer: Answer) -> None:
    answer.text = re.sub(r"^(classification_cache_size )(\S+)$", _less, answer.text, flags=re.MULTILINE)


DEFECT = Defect(
    breaks="the size of the cache is the one on the metrics page",
    caught_by=("classifier.size_as_metrics",),
    how=answers("/metrics/", change=_change, replicas=("replica-2",)),
)
