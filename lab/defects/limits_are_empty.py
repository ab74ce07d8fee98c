"""The limits in force are an empty object."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json["config"]["limits"] = {}


DEFECT = Defect(
    breaks="the limits in force can be read",
    caught_by=("health.config_limits",),
    how=answers("/health", "/api/v1/health", "/health/extended", change=_change),
)
