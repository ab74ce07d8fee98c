"""A body that cannot be read is a failure of the platform instead of the client's mistake."""

from lab.breaking import Defect
from lab.defects._scores import COMPARE
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 422:
        answer.status = 500


DEFECT = Defect(
    breaks="malformed bodies are refused",
    caught_by=(
        "compare.no_vector",
        "compare.no_candidate",
        "compare.words",
        "compare.nothing_numbers",
        "compare.not_json",
    ),
    how=answers(*COMPARE, change=_change),
    also=("compare.*",),
)
