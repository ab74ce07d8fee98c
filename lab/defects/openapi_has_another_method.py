"""OCR is documented with a method that it does not take."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    paths = answer.json["paths"]
    paths["/api/v1/ocr/extract"] = {"put": paths["/api/v1/ocr/extract"]["post"]}


DEFECT = Defect(
    breaks="the OpenAPI document has the promised methods",
    caught_by=("api.described_ocr_extract",),
    how=answers("/openapi.json", change=_change),
)
