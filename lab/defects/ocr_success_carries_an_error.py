"""Successes of OCR carry an error that says that there is none."""

from typing import Any

from lab.breaking import Defect
from lab.defects._recognition import OCR, in_successes
from lab.tamper import answers


def _change(body: dict[str, Any]) -> None:
    body.update(error="no error", code="OK")


DEFECT = Defect(
    breaks="a success has no error",
    caught_by=("ocr.answer_no_error", "ocr.answer_no_code"),
    how=answers(OCR, change=in_successes(_change)),
)
