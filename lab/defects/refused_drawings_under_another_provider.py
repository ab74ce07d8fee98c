"""Refused input is booked under a provider that nobody asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._meters import miscounted
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with miscounted(platform, "ocr_errors", relabel=lambda labels: {**labels, "provider": "paddle"}):
        yield


DEFECT = Defect(
    breaks="an error of one provider is not counted under another",
    caught_by=("metrics.counts_refused_input_of_its_provider",),
    how=inside(change=_change),
)
