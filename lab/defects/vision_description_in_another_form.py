"""A new version of vision describes images in another form."""

from typing import Any

from lab.breaking import Defect
from lab.defects._recognition import VISION, in_successes
from lab.tamper import answers


def _change(body: dict[str, Any]) -> None:
    if body["description"]:
        body["description"].update(summary="", details="see the image", confidence=96)


DEFECT = Defect(
    breaks="a description has the promised form",
    caught_by=("vision.answer_summary", "vision.answer_details", "vision.answer_confidence"),
    how=answers(VISION, change=in_successes(_change)),
)
