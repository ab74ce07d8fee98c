"""Classifications that the rate limit refuses do not say when to come again."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 429:
        del answer.headers["retry-after"]


DEFECT = Defect(
    breaks="whoever is refused is told how long to wait",
    caught_by=("classifier.limit_says_when",),
    how=answers("/classify", change=_change),
    also=("classifier.limit_ends", "errors.*"),
)
