"""An empty vector is told to have the wrong length."""

from lab.breaking import Defect
from lab.defects._scores import COMPARE
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 400 and "empty" in answer.text:
        answer.json["detail"]["code"] = "DIMENSION_MISMATCH"


DEFECT = Defect(
    breaks="an empty vector is invalid",
    caught_by=("compare.empty",),
    how=answers(*COMPARE, change=_change),
    also=("metrics.counts_compare_*",),
)
