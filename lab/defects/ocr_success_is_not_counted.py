"""OCR answers, and its successes are counted nowhere."""

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
    with miscounted(platform, "ocr_requests", times=lambda labels: 0 if labels["status"] == "success" else 1):
        yield


DEFECT = Defect(
    breaks="each OCR success is counted",
    caught_by=("metrics.counts_ocr_success", "metrics.counts_ocr_repeated"),
    how=inside(change=_change),
    also=("slo.*", "prometheus.*"),
)
