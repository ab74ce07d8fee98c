"""Errors of comparisons repeat the key that the client sent."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 404:
        answer.json["detail"]["context"] = {"client": answer.request_headers.get("x-api-key", "")}


DEFECT = Defect(
    breaks="no error repeats a credential",
    caught_by=("errors.tell_nothing_of_the_inside",),
    how=answers("/api/compare", "/api/v1/compare", change=_change),
    also=("security.*", "compare.*"),
)
