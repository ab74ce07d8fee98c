"""Refused files count as failures of the provider that was asked for."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.errors import ClientMistakeError, Code, ProviderFaultError, Stage
from lab.reference.settings import OCR_PROVIDERS
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.schemas import OcrResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real = platform.ocr._rejected  # noqa: SLF001 - a defect knows the insides

    def rejected(label: str, mistake: ClientMistakeError, started: float) -> OcrResult:
        if label in OCR_PROVIDERS:
            with suppress(ProviderFaultError), platform.breakers.guard(label):
                raise ProviderFaultError(label, Code.INPUT_ERROR, Stage.PREPROCESS, mistake.message)
        return real(label, mistake, started)

    with replaced(platform.ocr, _rejected=rejected):
        yield
    for provider in OCR_PROVIDERS:
        platform.breakers.reset(provider)


DEFECT = Defect(
    breaks="bad files of a client open no breaker",
    caught_by=(
        "isolation.bad_input_opens_no_breaker",
        "isolation.good_input_after_bad_input",
        "isolation.bad_input_keeps_providers_ready",
    ),
    how=inside(change=_change),
    also=("isolation.*", "ocr.*", "providers.*", "health.*", "metrics.counts_*"),
)
