"""Each score is a little too high, which nobody sees in a list that is sorted by it."""

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
    with rescored(platform, lambda of: of.score + 2e-4):
        yield


DEFECT = Defect(
    breaks="the score is the cosine",
    caught_by=("compare.cosine",),
    how=inside(change=_change),
    also=("compare.*",),
)
