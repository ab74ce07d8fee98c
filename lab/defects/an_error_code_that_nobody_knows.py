"""OCR names a failure with a code of its own."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200 and answer.json["code"] == "INPUT_ERROR":
        answer.json["code"] = "UNREADABLE_FILE"


DEFECT = Defect(
    breaks="failures carry one of the promised error codes",
    caught_by=("openapi.fields_ocr_failure",),
    how=answers("/api/v1/ocr/extract", change=_change),
    also=("ocr.*", "vision.*", "providers.*", "isolation.*", "metrics.counts_ocr_*"),
)
