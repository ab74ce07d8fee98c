"""The squares of very large numbers are infinite, and the score is 0."""

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
    with rescored(platform, lambda of: 0.0 if max(map(abs, of.query)) > 1e150 else of.score):
        yield


DEFECT = Defect(
    breaks="vectors of very large numbers are compared rightly or refused",
    caught_by=("compare.huge",),
    how=inside(change=_change),
)
