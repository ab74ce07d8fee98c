"""A number that keeps from dividing by zero is larger than the lengths of tiny vectors."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._scores import Comparison, rescored
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


def _score(of: Comparison) -> float:
    size = math.hypot(*of.query) * math.hypot(*of.candidate)
    return of.score * size / (size + 1e-3)


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with rescored(platform, _score):
        yield


DEFECT = Defect(
    breaks="a score does not depend on the vectors' lengths",
    caught_by=("compare.scale_invariance", "compare.cosine"),
    how=inside(change=_change),
    also=("compare.*",),
)
