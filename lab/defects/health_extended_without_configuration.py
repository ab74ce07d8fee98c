"""The extended health page lacks the configuration."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    del answer.json["config"]


DEFECT = Defect(
    breaks="the extended health page says all that the health page says",
    caught_by=("health.same_extended",),
    how=answers("/health/extended", change=_change),
)
