"""A provider that does not exist is taken for `auto`."""

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
    return request if known else replace(request, provider="auto")


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with misunderstood(platform, _wrong):
        yield


DEFECT = Defect(
    breaks="a provider that does not exist is refused",
    caught_by=("ocr.unknown_provider",),
    how=inside(change=_change),
)
