"""Every success of OCR is booked on one provider, whoever answered."""

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
    with miscounted(platform, "ocr_requests", relabel=lambda labels: {**labels, "provider": "auto"}):
        yield


DEFECT = Defect(
    breaks="successes are counted for the provider that answered",
    caught_by=("metrics.counts_ocr_success",),
    how=inside(change=_change),
)
