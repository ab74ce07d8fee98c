"""Images are described, at its price, also for clients that want no description."""

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
        return await real(request.model_copy(update={"include_description": True}))

    with replaced(platform.vision, analyze=analyze):
        yield


DEFECT = Defect(
    breaks="there is no description when the client does not want one",
    caught_by=("vision.description_left_out",),
    how=inside(change=_change),
)
