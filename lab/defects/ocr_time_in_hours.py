"""The histogram of OCR time gets hours."""

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
    with miscounted(platform, "ocr_processing_duration", scale=1.0 / 3600.0, clear=True):
        yield


DEFECT = Defect(
    breaks="OCR time is observed in seconds",
    caught_by=("metrics.counts_ocr_success",),
    how=inside(change=_change),
    also=("metrics.counters_only_grow", "prometheus.same_samples"),
)
