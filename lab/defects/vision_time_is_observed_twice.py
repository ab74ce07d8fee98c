"""Two middlewares observe the time of each vision request."""

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
    with miscounted(platform, "vision_processing_duration", times=2):
        yield


DEFECT = Defect(
    breaks="the time of each vision request is observed once",
    caught_by=("metrics.counts_vision_success",),
    how=inside(change=_change),
)
