"""The health page shows the URL of Redis with its password."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json["config"]["limits"]["redis"] = "redis://default:hunter2hunter2@redis:6379/0"


DEFECT = Defect(
    breaks="no health page shows a secret",
    caught_by=("health.no_secrets",),
    how=answers("/health/extended", change=_change),
)
