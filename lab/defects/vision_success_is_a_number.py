"""Vision says with a number that it succeeded."""

from typing import Any

from lab.breaking import Defect
from lab.defects._recognition import VISION, in_successes
from lab.tamper import answers


def _change(body: dict[str, Any]) -> None:
    body["success"] = 1


DEFECT = Defect(
    breaks="the flag of success is a boolean",
    caught_by=("vision.answer_success",),
    how=answers(VISION, change=in_successes(_change)),
    also=("vision.*", "metrics.*", "providers.*"),
)
