"""The alias of a provider was forgotten."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._recognition import misunderstood
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.ocr import OcrRequest
    from lab.reference.service import Platform


def _wrong(request: "OcrRequest") -> "OcrRequest":
    return replace(request, provider="nobody") if request.provider == "deepseek" else request


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with misunderstood(platform, _wrong):
        yield


DEFECT = Defect(
    breaks="the alias of a provider is understood",
    caught_by=("ocr.provider_alias",),
    how=inside(change=_change),
)
