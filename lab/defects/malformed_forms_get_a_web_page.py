"""A proxy replaces what OCR says of a malformed form by a web page of its own."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status in {400, 422}:
        answer.headers["content-type"] = "text/html"
        answer.text = "<html><body><h1>Bad request</h1></body></html>"


DEFECT = Defect(
    breaks="refusals are answered with JSON",
    caught_by=("openapi.fuzz_ocr",),
    how=answers("/api/v1/ocr/extract", change=_change),
    also=("ocr.*", "vision.*", "providers.*", "isolation.*", "security.*"),
)
