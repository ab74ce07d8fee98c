"""A cache of comparisons returns what it holds for the candidate before last, once a request was seen before."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._scores import Comparison, rescored
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    seen: set[tuple[str, tuple[float, ...]]] = set()

    def score(of: Comparison) -> float:
        key = (of.id, tuple(of.query))
        if key in seen:
            return of.score / 2 + 0.2
        seen.add(key)
        return of.score

    with rescored(platform, score):
        yield


DEFECT = Defect(
    breaks="the same request gets the same score each time",
    caught_by=("compare.determinism",),
    how=inside(change=_change),
    also=("compare.*",),
)
