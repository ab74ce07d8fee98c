"""Successes of OCR are counted under the name that the client wrote, so the alias has a series of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._meters import Labels, miscounted
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.ocr import OcrRequest
    from lab.reference.schemas import OcrResult
    from lab.reference.service import Platform

_ALIAS = "deepseek"


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = platform.ocr.extract
    asked: ContextVar[str] = ContextVar("asked", default="")

    async def extract(request: "OcrRequest") -> "OcrResult":
        asked.set(request.provider)
        return await real(request)

    def relabel(labels: Labels) -> Labels:
        return {**labels, "provider": _ALIAS} if asked.get() == _ALIAS else dict(labels)

    with replaced(platform.ocr, extract=extract), miscounted(platform, "ocr_requests", relabel=relabel):
        yield
    # A series stays for ever where nobody forgets it.
    series = platform.metrics.ocr_requests
    for labels in [labels for labels in series._metrics if _ALIAS in labels]:  # noqa: SLF001 - as it has no method for it
        series.remove(*labels)


DEFECT = Defect(
    breaks="a provider has one name in metrics, whatever name it was asked for by",
    caught_by=("ocr.client_text_is_no_label",),
    how=inside(change=_change),
)
