"""The readiness page is the word OK and nothing else."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json = {"status": "OK"}


DEFECT = Defect(
    breaks="readiness says what it has checked",
    caught_by=("health.ready_status", "health.ready_flag", "health.ready_checks"),
    how=answers("/ready", change=_change),
    also=("health.ready_*",),
)
