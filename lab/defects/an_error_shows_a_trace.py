"""A malformed body is answered with the trace of the parser."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 422:
        answer.json["trace"] = 'Traceback (most recent call last):\n  File "compare.py", line 12, in parse'


DEFECT = Defect(
    breaks="errors show no trace",
    caught_by=("security.errors_are_silent",),
    how=answers("/api/compare", change=_change),
    also=("compare.*",),
)
