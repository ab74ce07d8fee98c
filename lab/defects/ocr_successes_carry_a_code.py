"""OCR that succeeds carries an error code."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200 and answer.json["success"]:
        answer.json["code"] = "PARSE_FAILED"


DEFECT = Defect(
    breaks="OCR that succeeds carries no code",
    caught_by=("errors.ocr_successes_are_clean",),
    how=answers("/api/v1/ocr/extract", change=_change),
    also=("ocr.*",),
)
