"""Errors of comparisons carry the stack trace."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 404:
        trace = 'Traceback (most recent call last):\n  File "/srv/app/compare.py", line 91, in compare'
        answer.json["detail"]["context"] = {"trace": trace}


DEFECT = Defect(
    breaks="no error tells how the service is made",
    caught_by=("errors.tell_nothing_of_the_inside",),
    how=answers("/api/compare", "/api/v1/compare", change=_change),
    also=("security.*", "compare.*"),
)
