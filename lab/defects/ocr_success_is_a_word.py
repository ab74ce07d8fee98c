"""OCR says with a word that it succeeded."""

from typing import Any

from lab.breaking import Defect
from lab.defects._recognition import OCR, in_successes
from lab.tamper import answers


def _change(body: dict[str, Any]) -> None:
    body["success"] = "yes"


DEFECT = Defect(
    breaks="the flag of success is a boolean",
    caught_by=("ocr.answer_success",),
    how=answers(OCR, change=in_successes(_change)),
    also=("ocr.*", "metrics.*", "providers.*"),
)
