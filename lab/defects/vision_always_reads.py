"""Images are read, at its price, also for clients that do not want it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.schemas import VisionRequest, VisionResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = platform.vision.analyze

    async def analyze(request: "VisionRequest") -> "VisionResult":
        return await real(request.model_copy(update={"include_ocr": True}))

    with replaced(platform.vision, analyze=analyze):
        yield


DEFECT = Defect(
    breaks="nothing is read in an image when the client does not want it",
    caught_by=("vision.reading_left_out",),
    how=inside(change=_change),
)
