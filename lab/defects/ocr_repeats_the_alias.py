"""The second provider answers under its alias."""

from typing import Any

from lab.breaking import Defect
from lab.defects._recognition import OCR, in_successes
from lab.tamper import answers


def _change(body: dict[str, Any]) -> None:
    if body["provider"] == "deepseek_hf":
        body["provider"] = "deepseek"


DEFECT = Defect(
    breaks="a provider has one name in answers",
    caught_by=("ocr.provider_alias", "ocr.provider_deepseek_hf"),
    how=answers(OCR, change=in_successes(_change)),
    also=("providers.*",),
)
