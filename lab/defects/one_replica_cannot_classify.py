"""One replica fails to classify every drawing."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.status = 500
    answer.text = "Internal Server Error"


DEFECT = Defect(
    breaks="a sound drawing is classified on every replica",
    caught_by=("classifier.answers",),
    how=answers("/classify", change=_change, replicas=("replica-1",)),
    also=("classifier.*", "errors.*", "isolation.*", "metrics.counts_*", "openapi.*", "security.*"),
)
