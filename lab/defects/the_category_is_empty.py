"""Classifications have lost the name of the category."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        answer.json["category"] = ""


DEFECT = Defect(
    breaks="a classification names a category",
    caught_by=("classifier.category", "classifier.most_probable"),
    how=answers("/classify", change=_change),
    also=("classifier.confidence", "classifier.batch"),
)
