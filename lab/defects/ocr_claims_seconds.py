"""OCR gives the time that it took in seconds, in the field for milliseconds."""

from typing import Any

from lab.breaking import Defect
from lab.defects._recognition import OCR, in_successes
from lab.tamper import answers


def _change(body: dict[str, Any]) -> None:
    body["processing_time_ms"] /= 1000


DEFECT = Defect(
    breaks="a claimed time is in milliseconds",
    caught_by=("metrics.counts_ocr_success",),
    how=answers(OCR, change=in_successes(_change)),
)
