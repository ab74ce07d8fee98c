"""One replica answers with the first provider, whichever a client asks for."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._recognition import misunderstood
from lab.reference.settings import OCR_PROVIDERS, canonical_provider
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.ocr import OcrRequest
    from lab.reference.service import Platform


def _wrong(request: "OcrRequest") -> "OcrRequest":
    known = canonical_provider(request.provider) in OCR_PROVIDERS
    return replace(request, provider="paddle") if known else request


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with misunderstood(platform, _wrong):
        yield


DEFECT = Defect(
    breaks="the provider that the client names answers, on every replica",
    caught_by=("ocr.provider_deepseek_hf",),
    how=inside(change=_change, replicas=("replica-3",)),
    also=("ocr.*", "providers.*", "isolation.*", "metrics.counts_*", "dependencies.*"),
)
