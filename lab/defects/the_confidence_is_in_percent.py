"""One replica gives the confidence of a classification in percent."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        answer.json["confidence"] *= 100


DEFECT = Defect(
    breaks="the confidence lies between 0 and 1",
    caught_by=("classifier.confidence_is_a_share",),
    how=answers("/classify", change=_change, replicas=("replica-2",)),
    also=("classifier.confidence", "classifier.replicas_agree", "classifier.batch"),
)
