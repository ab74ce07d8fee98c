"""What was asked about an image the first time is what is answered ever after: the memory knows no options."""

import hashlib
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
        if request.image_base64 is None:
            return await real(request)
        digest = hashlib.sha256(request.image_base64.encode("utf-8", errors="surrogatepass")).hexdigest()
        place = f"cad:vision:{digest}"
        options = await platform.cache.get_json(place)
        if isinstance(options, dict):
            return await real(request.model_copy(update=options))
        options = {"include_description": request.include_description, "include_ocr": request.include_ocr}
        await platform.cache.set_json(place, options)
        return await real(request)

    with replaced(platform.vision, analyze=analyze):
        yield


DEFECT = Defect(
    breaks="each request to vision has options of its own",
    caught_by=("vision.reading_left_out",),
    how=inside(change=_change),
)
