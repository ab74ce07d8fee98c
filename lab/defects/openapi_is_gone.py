"""The OpenAPI document is not served any more."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.status = 404
    answer.json = {"detail": "Not Found"}


DEFECT = Defect(
    breaks="the OpenAPI document is served",
    caught_by=("api.openapi_document", "api.described_*"),
    how=answers("/openapi.json", change=_change),
)
