"""Parameters stand in the OpenAPI document in a form that no tool reads."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    operation = answer.json["paths"]["/api/v1/ocr/extract"]["post"]
    operation["parameters"] = {found["name"]: found for found in operation["parameters"]}


DEFECT = Defect(
    breaks="the OpenAPI document is valid",
    caught_by=("openapi.valid",),
    how=answers("/openapi.json", change=_change),
    also=("openapi.*",),
)
