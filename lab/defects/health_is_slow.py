"""The health page asks its dependencies one after the other, slowly."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.delay_seconds = 1.3


DEFECT = Defect(
    breaks="the health page answers within the timeout of a probe",
    caught_by=("health.latency",),
    how=answers("/health", change=_change),
)
