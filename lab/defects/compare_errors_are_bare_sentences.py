"""Errors of comparisons have a sentence where the promised object should be."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status in (400, 404):
        answer.json = {"detail": answer.json["detail"]["message"]}


DEFECT = Defect(
    breaks="errors of comparisons have the promised fields",
    caught_by=("errors.envelope_of_compare",),
    how=answers("/api/compare", "/api/v1/compare", change=_change),
    also=("compare.*", "openapi.*", "metrics.counts_compare_*", "platform.api_key"),
)
