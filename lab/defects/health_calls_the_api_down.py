"""The health page that answers says that the API does not."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json["services"]["api"] = "down"


DEFECT = Defect(
    breaks="the API is up",
    caught_by=("health.service_api",),
    how=answers("/health", "/api/v1/health", "/health/extended", change=_change),
)
