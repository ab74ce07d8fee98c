"""A wrong admin token is answered like none at all, on the statistics of the classifier's cache."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 403:
        answer.status = 401


DEFECT = Defect(
    breaks="a wrong admin token is refused with 403",
    caught_by=("classifier.statistics_refuse_a_wrong_token",),
    how=answers("/api/v1/health/classifier/cache", change=_change),
    also=("security.*", "openapi.*", "errors.*"),
)
