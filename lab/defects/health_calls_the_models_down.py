"""The health page reports the models as down while they work."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json["services"]["ml"] = "down"


DEFECT = Defect(
    breaks="the models are up",
    caught_by=("health.service_ml",),
    how=answers("/health", "/api/v1/health", "/health/extended", change=_change),
)
