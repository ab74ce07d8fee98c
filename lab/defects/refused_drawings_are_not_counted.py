"""Files that OCR refuses are counted nowhere."""

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
    with miscounted(platform, "ocr_input_rejected", times=0), miscounted(platform, "ocr_errors", times=0):
        yield


DEFECT = Defect(
    breaks="refused input is counted",
    caught_by=("metrics.counts_ocr_refused_input",),
    how=inside(change=_change),
)
