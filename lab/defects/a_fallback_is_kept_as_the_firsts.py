"""What the second provider answered in place of the first is cached as the first's answer too.

Whoever asks for the first by name gets the other's reading, also when the first is back.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.settings import OCR_PROVIDERS, canonical_provider
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.ocr import OcrRequest
    from lab.reference.schemas import OcrResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = platform.ocr.extract
    first = OCR_PROVIDERS[0]

    async def extract(request: "OcrRequest") -> "OcrResult":
        result = await real(request)
        fresh = result.success and not result.cached
        fell_back = result.provider != first and platform.settings.enabled(first)
        if fresh and fell_back and canonical_provider(request.provider) == "auto":
            digest = hashlib.sha256(request.content).hexdigest()
            await platform.cache.set_json(f"cad:ocr:{request.tenant}:{first}:{digest}", result.model_dump(mode="json"))
        return result

    with replaced(platform.ocr, extract=extract):
        yield


DEFECT = Defect(
    breaks="the chosen provider answers, whoever answered before",
    caught_by=("chaos.provider_down_paddle.fallback_forgotten",),
    how=inside(change=_change),
    chaos="provider_down_paddle",
)
