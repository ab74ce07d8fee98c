"""A body that cannot be read is answered with 200 and an error inside."""

from lab.breaking import Defect
from lab.defects._scores import COMPARE
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 422:
        answer.status = 200


DEFECT = Defect(
    breaks="malformed bodies are refused",
    caught_by=("compare.no_vector", "compare.words"),
    how=answers(*COMPARE, change=_change),
    also=("compare.*",),
)
