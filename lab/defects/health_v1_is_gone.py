"""The versioned health page is gone."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.status = 404
    answer.json = {"detail": "Not Found"}


DEFECT = Defect(
    breaks="the health page is served under the versioned API",
    caught_by=("health.answers_v1", "health.same_under_v1"),
    how=answers("/api/v1/health", change=_change),
    also=("health.timestamp_v1",),
)
