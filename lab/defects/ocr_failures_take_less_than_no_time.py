"""OCR takes the difference of its clocks the wrong way round when it fails."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200 and not answer.json["success"]:
        answer.json["processing_time_ms"] = -1.0 - answer.json["processing_time_ms"]


DEFECT = Defect(
    breaks="a time that was taken is not negative",
    caught_by=("openapi.fields_ocr_failure", "openapi.conforms_ocr_failure"),
    how=answers("/api/v1/ocr/extract", change=_change),
    also=("ocr.*", "vision.*", "providers.*", "isolation.*"),
)
