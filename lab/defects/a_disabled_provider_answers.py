"""Operators have switched a provider off, and OCR uses it all the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with (
        replaced(platform.ocr, _settings=replace(platform.settings)),
        replaced(platform.settings, disabled_providers=frozenset({"paddle"})),
    ):
        yield


DEFECT = Defect(
    breaks="a provider that is switched off is not used",
    caught_by=("ocr.provider_paddle",),
    how=inside(change=_change),
    also=("providers.*",),
)
