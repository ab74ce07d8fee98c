"""The classification of batches is gone, and the document still describes it."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.status = 404
    answer.json = {"detail": "Not Found"}


DEFECT = Defect(
    breaks="what the document describes is there",
    caught_by=("openapi.described_routes_are_there",),
    how=answers("/classify/batch", change=_change),
)
