"""Where OCR fails, the error is the code once more."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200 and not answer.json["success"]:
        answer.json["error"] = answer.json["code"]


DEFECT = Defect(
    breaks="OCR that fails says why",
    caught_by=("errors.ocr_failures_say_why",),
    how=answers("/api/v1/ocr/extract", change=_change),
    also=("ocr.*",),
)
