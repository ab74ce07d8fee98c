"""The OpenAPI document has another type for vectors than the platform takes."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    fields = answer.json["components"]["schemas"]["CompareRequest"]["properties"]
    fields["query_features"] = {"type": "string"}


DEFECT = Defect(
    breaks="the OpenAPI document has the promised types",
    caught_by=("openapi.describes_compare", "openapi.describes_compare_v1"),
    how=answers("/openapi.json", change=_change),
)
