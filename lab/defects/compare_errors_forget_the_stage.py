"""Errors of comparisons do not say at what stage they happened."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 404:
        del answer.json["detail"]["stage"]


DEFECT = Defect(
    breaks="errors of comparisons have the promised fields",
    caught_by=("errors.envelope_of_compare",),
    how=answers("/api/compare", "/api/v1/compare", change=_change),
    also=("compare.*", "openapi.*"),
)
