"""The confidence of a classification is that of the category that comes second."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        answer.json["confidence"] = sorted(answer.json["probabilities"].values())[-2]


DEFECT = Defect(
    breaks="the confidence is that of the category",
    caught_by=("classifier.confidence",),
    how=answers("/classify", change=_change),
    also=("classifier.batch",),
)
