"""A drawing that cannot be read is answered with the name of an exception."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.json.get("success") is False:
        answer.json["error"] = "PIL.UnidentifiedImageError: cannot identify image file <_io.BytesIO object at 0x7f3c>"


DEFECT = Defect(
    breaks="errors show nothing of the insides",
    caught_by=("security.errors_are_silent",),
    how=answers("/api/v1/ocr/extract", change=_change),
)
