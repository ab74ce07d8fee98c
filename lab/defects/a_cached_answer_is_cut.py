"""What is kept of an answer has no dimensions: the second client to send a file gets less than the first."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.ocr import OcrRequest
    from lab.reference.schemas import OcrResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = platform.ocr._remembered  # noqa: SLF001 - a defect is inside the platform

    async def remembered(request: "OcrRequest", asked: str) -> "tuple[OcrResult | None, tuple[str, ...]]":
        kept, keys = await real(request, asked)
        return (None if kept is None else kept.model_copy(update={"dimensions": []})), keys

    with replaced(platform.ocr, _remembered=remembered):
        yield


DEFECT = Defect(
    breaks="the same file is given the same answer",
    caught_by=("ocr.same_again",),
    how=inside(change=_change),
    also=("ocr.*",),
)
