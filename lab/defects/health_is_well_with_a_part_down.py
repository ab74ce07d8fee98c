"""The health page calls the platform well although it calls a part of it down."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json["services"]["postgres"] = "down"


DEFECT = Defect(
    breaks="a platform that is well has no part that is down",
    caught_by=("health.well_only_without_failures",),
    how=answers("/health", "/api/v1/health", "/health/extended", change=_change),
)
