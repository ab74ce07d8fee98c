"""Only the first sixteen numbers are compared, which is enough for the parts of the first customer."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._scores import Comparison, rescored
from lab.reference.compare import cosine
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    def score(of: Comparison) -> float:
        query, candidate = of.query[:16], of.candidate[:16]
        return cosine(query, candidate) if any(query) and any(candidate) else of.score

    with rescored(platform, score):
        yield


DEFECT = Defect(
    breaks="all numbers of a vector count",
    caught_by=("compare.cosine",),
    how=inside(change=_change),
    also=("compare.*",),
)
