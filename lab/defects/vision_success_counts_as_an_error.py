"""Vision answers well, and is counted as failed."""

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
    with miscounted(platform, "vision_requests", relabel=lambda labels: {**labels, "status": "error"}):
        yield


DEFECT = Defect(
    breaks="each vision success is counted as a success",
    caught_by=("metrics.counts_vision_success",),
    how=inside(change=_change),
    also=("slo.*",),
)
