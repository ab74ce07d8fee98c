"""A refusal is a sentence, without the envelope that clients read."""

from lab.breaking import Defect
from lab.defects._scores import COMPARE
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status in {400, 404}:
        answer.json = {"detail": answer.json["detail"]["message"]}


DEFECT = Defect(
    breaks="a refusal has the promised envelope",
    caught_by=("compare.envelope", "compare.unknown", "compare.too_short"),
    how=answers(*COMPARE, change=_change),
    also=("*",),
)
