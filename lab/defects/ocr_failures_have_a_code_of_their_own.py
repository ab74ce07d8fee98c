"""Where OCR refuses a file, the code is one that nobody knows."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200 and answer.json["code"] == "INPUT_ERROR":
        answer.json["code"] = "BAD_FILE"


DEFECT = Defect(
    breaks="OCR that fails carries a promised code",
    caught_by=("errors.ocr_failures_say_why",),
    how=answers("/api/v1/ocr/extract", change=_change),
    also=("ocr.*", "metrics.counts_*", "openapi.*", "providers.*"),
)
