"""An unknown candidate is answered with the code of an invalid request."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 404:
        answer.json["detail"]["code"] = "INPUT_VALIDATION_FAILED"


DEFECT = Defect(
    breaks="the code of an error belongs to its status",
    caught_by=("errors.envelope_of_compare",),
    how=answers("/api/compare", "/api/v1/compare", change=_change),
    also=("compare.*", "metrics.counts_compare_*"),
)
