"""The confidence of OCR is given in percent."""

from typing import Any

from lab.breaking import Defect
from lab.defects._recognition import OCR, in_successes
from lab.tamper import answers


def _change(body: dict[str, Any]) -> None:
    body["confidence"] *= 100


DEFECT = Defect(
    breaks="the confidence is between 0 and 1",
    caught_by=("ocr.answer_confidence",),
    how=answers(OCR, change=in_successes(_change)),
)
