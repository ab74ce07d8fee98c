"""Vectors of different length are counted as invalid input."""

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
    with miscounted(
        platform,
        "compare_requests",
        relabel=lambda labels: {"status": "invalid"} if labels["status"] == "dimension_mismatch" else labels,
    ):
        yield


DEFECT = Defect(
    breaks="a dimension mismatch is counted as such",
    caught_by=("metrics.counts_compare_dimension_mismatch",),
    how=inside(change=_change),
)
