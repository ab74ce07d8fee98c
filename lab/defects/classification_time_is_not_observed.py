"""The time of classifications is not observed any more."""

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
    with miscounted(platform, "classification_latency", times=0):
        yield


DEFECT = Defect(
    breaks="the time of each classification is observed",
    caught_by=("metrics.counts_classification",),
    how=inside(change=_change),
)
