"""Whoever is refused by the classifier's rate limit is told to come again before the limit is over."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 429:
        answer.headers["retry-after"] = "1"


DEFECT = Defect(
    breaks="whoever waits as told is served again",
    caught_by=("classifier.limit_ends",),
    how=answers("/classify", change=_change),
)
