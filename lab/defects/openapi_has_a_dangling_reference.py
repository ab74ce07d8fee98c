"""A schema is dropped from the OpenAPI document, and references to it stay."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    del answer.json["components"]["schemas"]["ErrorEnvelope"]


DEFECT = Defect(
    breaks="every reference in the OpenAPI document leads to something",
    caught_by=("openapi.references_resolve",),
    how=answers("/openapi.json", change=_change),
    also=("openapi.*",),
)
