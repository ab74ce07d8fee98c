"""The extended health page names the number of vectors that there were when the replica started."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json["vector_store"] = {"total": 7, "versions": {"v1": 7}}


DEFECT = Defect(
    breaks="the number of registered vectors is of now",
    caught_by=("compare.total",),
    how=answers("/health/extended", change=_change),
)
