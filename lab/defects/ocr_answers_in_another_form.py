"""A new version of OCR gives its findings in another form."""

from typing import Any

from lab.breaking import Defect
from lab.defects._recognition import OCR, in_successes
from lab.tamper import answers


def _change(body: dict[str, Any]) -> None:
    body["dimensions"] = {str(at): one for at, one in enumerate(body["dimensions"])}
    body["symbols"] = None
    body["title_block"] = [{"key": key, "value": value} for key, value in body["title_block"].items()]


DEFECT = Defect(
    breaks="findings have the promised form",
    caught_by=("ocr.answer_dimensions", "ocr.answer_symbols", "ocr.answer_title_block"),
    how=answers(OCR, change=in_successes(_change)),
    also=("ocr.*",),
)
