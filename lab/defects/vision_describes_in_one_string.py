"""Vision answers with the summary alone where its description should be."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200 and answer.json["description"]:
        answer.json["description"] = answer.json["description"]["summary"]


DEFECT = Defect(
    breaks="a description has a summary, details and a confidence",
    caught_by=("openapi.fields_vision", "openapi.conforms_vision"),
    how=answers("/api/v1/vision/analyze", change=_change),
    also=("vision.*", "ocr.*", "vision.*", "security.*", "isolation.*"),
)
