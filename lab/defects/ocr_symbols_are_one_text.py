"""OCR writes all symbols into one text."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200 and answer.json["success"]:
        answer.json["symbols"] = ", ".join(str(symbol) for symbol in answer.json["symbols"])


DEFECT = Defect(
    breaks="the symbols of a drawing are a list",
    caught_by=("openapi.fields_ocr", "openapi.conforms_ocr"),
    how=answers("/api/v1/ocr/extract", change=_change),
    also=("ocr.*", "vision.*", "providers.*", "isolation.*"),
)
