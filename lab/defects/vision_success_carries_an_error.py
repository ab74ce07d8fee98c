"""Successes of vision carry an error that says that there is none."""

from typing import Any

from lab.breaking import Defect
from lab.defects._recognition import VISION, in_successes
from lab.tamper import answers


def _change(body: dict[str, Any]) -> None:
    body.update(error="no error", code="OK")


DEFECT = Defect(
    breaks="a success has no error",
    caught_by=("vision.answer_no_error", "vision.answer_no_code"),
    how=answers(VISION, change=in_successes(_change)),
)
