"""Every classification claims to be almost certain."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        answer.json["confidence"] = 0.99


DEFECT = Defect(
    breaks="the confidence tells how probable the category is",
    caught_by=("classifier.confidence",),
    how=answers("/classify", change=_change),
    also=("classifier.batch",),
)
