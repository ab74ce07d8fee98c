"""A cached classification is counted as two hits."""

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
    with miscounted(platform, "classification_cache_hits", times=2):
        yield


DEFECT = Defect(
    breaks="each classification is one hit or one miss",
    caught_by=("metrics.counts_cached_classification",),
    how=inside(change=_change),
)
