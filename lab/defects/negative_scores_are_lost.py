"""Vectors that point away from each other score 0: somebody took a similarity for a share."""

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
    with rescored(platform, lambda of: max(0.0, of.score)):
        yield


DEFECT = Defect(
    breaks="the score goes down to -1",
    caught_by=("compare.cosine",),
    how=inside(change=_change),
    also=("compare.*",),
)
