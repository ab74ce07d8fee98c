"""Errors of comparisons carry the query that found nothing."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 404:
        answer.json["detail"]["message"] += ": SELECT vector FROM vectors WHERE id = $1"


DEFECT = Defect(
    breaks="no error tells how the service is made",
    caught_by=("errors.tell_nothing_of_the_inside",),
    how=answers("/api/compare", "/api/v1/compare", change=_change),
    also=("security.*", "compare.*"),
)
