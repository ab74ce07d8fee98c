"""Vision fails where neither an image nor the address of one is sent."""

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
    analyze = platform.vision.analyze

    async def of_the_image(request: "VisionRequest") -> "VisionResult":
        if request.image_base64 is None and not request.image_url:
            message = "NoneType has no attribute 'encode'"
            raise AttributeError(message)
        return await analyze(request)

    with replaced(platform.vision, analyze=of_the_image):
        yield


DEFECT = Defect(
    breaks="no request makes vision fail",
    caught_by=("openapi.fuzz_vision",),
    how=inside(change=_change),
    also=("vision.*", "security.*"),
)
