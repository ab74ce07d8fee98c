"""Batches of drawings end in a server error."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.status = 500
    answer.text = "Internal Server Error"


DEFECT = Defect(
    breaks="a batch of drawings is classified",
    caught_by=("classifier.batch",),
    how=answers("/classify/batch", change=_change),
    also=("errors.*", "openapi.*"),
)
