"""Two routes share their operation id in the OpenAPI document, so generated clients lose one."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    paths = answer.json["paths"]
    paths["/api/v1/compare"]["post"]["operationId"] = paths["/api/compare"]["post"]["operationId"]


DEFECT = Defect(
    breaks="operation ids are unique",
    caught_by=("openapi.operation_ids_are_unique",),
    how=answers("/openapi.json", change=_change),
)
