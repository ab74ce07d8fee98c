"""Candidates further back in the index score a little lower."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._scores import rescored
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with rescored(platform, lambda of: of.score - 1e-3 * int("0" + of.id.rpartition("-")[2])):
        yield


DEFECT = Defect(
    breaks="a score does not depend on the order of registration",
    caught_by=("compare.order_independence",),
    how=inside(change=_change),
    also=("compare.*",),
)
