"""One replica answers the health page with an error."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.status = 500


DEFECT = Defect(
    breaks="the health page answers 200 on every replica",
    caught_by=("health.answers",),
    how=answers("/health", change=_change, replicas=("replica-1",)),
    also=("health.stable",),
)
