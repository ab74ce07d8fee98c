"""OCR does not say who answered."""

from typing import Any

from lab.breaking import Defect
from lab.defects._recognition import OCR, in_successes
from lab.tamper import answers


def _change(body: dict[str, Any]) -> None:
    body["provider"] = None


DEFECT = Defect(
    breaks="a success names the provider that answered",
    caught_by=(
        "ocr.answer_provider",
        "ocr.provider_auto",
        "ocr.provider_paddle",
        "ocr.provider_deepseek_hf",
        "ocr.provider_alias",
    ),
    how=answers(OCR, change=in_successes(_change)),
    also=("metrics.*", "providers.*"),
)
