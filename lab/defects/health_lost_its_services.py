"""A refactoring dropped the services from the health page."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    del answer.json["services"]


DEFECT = Defect(
    breaks="the health page names its services",
    caught_by=("health.service_*",),
    how=answers("/health", "/api/v1/health", "/health/extended", change=_change),
)
