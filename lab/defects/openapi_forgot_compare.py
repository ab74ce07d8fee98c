"""The routes of comparison are missing from the OpenAPI document."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    for path in [path for path in answer.json["paths"] if path.endswith("/compare")]:
        del answer.json["paths"][path]


DEFECT = Defect(
    breaks="the OpenAPI document describes every promised route",
    caught_by=("api.described_compare", "api.described_compare_v1"),
    how=answers("/openapi.json", change=_change),
)
