"""What vision reads differs each time."""

import secrets
from typing import Any

from lab.breaking import Defect
from lab.defects._recognition import VISION, in_successes
from lab.tamper import answers


def _change(body: dict[str, Any]) -> None:
    if body["ocr"]:
        body["ocr"]["lines"].append(secrets.token_hex(4))


DEFECT = Defect(
    breaks="the same image is read in the same way",
    caught_by=("vision.same_again",),
    how=answers(VISION, change=in_successes(_change)),
)
