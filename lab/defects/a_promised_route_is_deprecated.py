"""The OpenAPI document tells clients to leave the comparison of parts."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json["paths"]["/api/compare"]["post"]["deprecated"] = True


DEFECT = Defect(
    breaks="no promised route is deprecated",
    caught_by=("openapi.nothing_promised_is_deprecated",),
    how=answers("/openapi.json", change=_change),
)
