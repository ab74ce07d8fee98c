"""What is not found is answered with a bare sentence instead of the error envelope."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 404:
        answer.json["detail"] = "Not Found"


DEFECT = Defect(
    breaks="refused comparisons carry the error envelope",
    caught_by=("openapi.fields_compare_error",),
    how=answers("/api/compare", "/api/v1/compare", change=_change),
    also=("compare.*", "isolation.*", "security.*", "metrics.counts_compare_*", "platform.*"),
)
