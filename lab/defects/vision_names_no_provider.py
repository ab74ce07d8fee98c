"""Vision does not say who answered."""

from typing import Any

from lab.breaking import Defect
from lab.defects._recognition import VISION, in_successes
from lab.tamper import answers


def _change(body: dict[str, Any]) -> None:
    body["provider"] = ""


DEFECT = Defect(
    breaks="a success names the provider that answered",
    caught_by=("vision.answer_provider",),
    how=answers(VISION, change=in_successes(_change)),
    also=("metrics.*", "providers.*"),
)
