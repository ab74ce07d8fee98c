"""The extended health page fails."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.status = 500
    answer.json = {"detail": "Internal Server Error"}


DEFECT = Defect(
    breaks="the extended health page answers",
    caught_by=("health.answers_extended",),
    how=answers("/health/extended", change=_change),
    also=("health.timestamp_extended", "health.vector_store_*", "health.same_extended"),
)
