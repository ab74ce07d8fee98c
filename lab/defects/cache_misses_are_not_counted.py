"""The classifier's cache counts no misses."""

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
    with miscounted(platform, "classification_cache_miss", times=0):
        yield


DEFECT = Defect(
    breaks="each new part is a cache miss",
    caught_by=("metrics.counts_classification",),
    how=inside(change=_change),
    also=("metrics.counts_cached_classification",),
)
