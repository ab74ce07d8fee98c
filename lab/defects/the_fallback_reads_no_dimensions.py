"""Without paddle drawings are read by the other provider, whose dimensions are lost on the way."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.schemas import OcrResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real = platform.ocr._succeeded  # noqa: SLF001 - a defect knows the insides

    def succeeded(*given: Any) -> OcrResult:
        result = real(*given)
        return result if platform.settings.enabled("paddle") else result.model_copy(update={"dimensions": []})

    with replaced(platform.ocr, _succeeded=succeeded):
        yield


DEFECT = Defect(
    breaks="whoever takes over for a provider reads as well",
    caught_by=("chaos.provider_disabled.holds",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_disabled",
)
