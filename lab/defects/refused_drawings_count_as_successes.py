"""A file that OCR refuses is counted as a success."""

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
    with miscounted(platform, "ocr_requests", relabel=lambda labels: {**labels, "status": "success"}):
        yield


DEFECT = Defect(
    breaks="refused input is never a success",
    caught_by=("metrics.counts_ocr_refused_input",),
    how=inside(change=_change),
)
