"""One OCR answer in four says politely that it failed."""

from lab.breaking import Defect
from lab.defects._loading import BUSY, every
from lab.tamper import Answer, answers


def _fail(answer: Answer) -> None:
    answer.json = {**answer.json, "success": False, "error": "the provider took too long", "code": "PROVIDER_TIMEOUT"}


DEFECT = Defect(
    breaks="OCR succeeds under load",
    caught_by=("load.errors",),
    how=answers("/api/v1/ocr/extract", change=every(4, _fail)),
    also=("load.*",),
    load=BUSY,
)
