"""A healthy platform calls itself degraded."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json["status"] = "degraded"


DEFECT = Defect(
    breaks="a platform that is well says so",
    caught_by=("health.status",),
    how=answers("/health", "/api/v1/health", "/health/extended", change=_change),
)
