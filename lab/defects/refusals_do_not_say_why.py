"""A refusal has a code and not a word for people."""

from lab.breaking import Defect
from lab.defects._scores import COMPARE
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status in {400, 404}:
        answer.json["detail"]["message"] = ""


DEFECT = Defect(
    breaks="a refusal has a message",
    caught_by=("compare.envelope",),
    how=answers(*COMPARE, change=_change),
)
