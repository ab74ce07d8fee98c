"""The readiness page answers 200 while it says that it is not ready."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json["ready"] = False


DEFECT = Defect(
    breaks="status code and content of the readiness page agree",
    caught_by=("health.ready_agrees_with_itself",),
    how=answers("/ready", change=_change),
)
