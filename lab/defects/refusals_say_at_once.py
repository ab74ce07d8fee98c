"""Whoever is refused by the classifier's rate limit is told to come again at once."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 429:
        answer.headers["retry-after"] = "0"


DEFECT = Defect(
    breaks="whoever is refused is told how long to wait",
    caught_by=("classifier.limit_says_when",),
    how=answers("/classify", change=_change),
    also=("classifier.limit_ends", "errors.*"),
)
