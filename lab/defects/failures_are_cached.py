"""A failure of a provider is cached for the drawing like a success: sent again after the outage, it fails again."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.errors import Code, ProviderFaultError, Stage
from lab.reference.settings import canonical_provider
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.ocr import OcrRequest
    from lab.reference.schemas import OcrResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = platform.ocr.extract

    async def extract(request: "OcrRequest") -> "OcrResult":
        started = time.perf_counter()
        digest = hashlib.sha256(request.content).hexdigest()
        key = f"cad:ocr-failed:{request.tenant}:{canonical_provider(request.provider)}:{digest}"
        kept = await platform.cache.get_json(key)
        if isinstance(kept, dict):
            fault = ProviderFaultError(kept["provider"], Code(kept["code"]), Stage.INFER, kept["error"], reached=False)
            return platform.ocr._failed(fault, started)  # noqa: SLF001 - it is counted like any failure
        result = await real(request)
        if not result.success and result.code != Code.INPUT_ERROR:
            await platform.cache.set_json(key, result.model_dump(mode="json"))
        return result

    with replaced(platform.ocr, extract=extract):
        yield


DEFECT = Defect(
    breaks="a provider that is back reads what it could not read before",
    caught_by=("chaos.provider_down_deepseek_hf.failures_forgotten",),
    how=inside(change=_change),
    chaos="provider_down_deepseek_hf",
)
