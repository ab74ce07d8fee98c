"""The score is the product of the vectors, as if all of them were of length 1."""

import math
import operator
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
    with rescored(platform, lambda of: math.fsum(map(operator.mul, of.query, of.candidate))):
        yield


DEFECT = Defect(
    breaks="the score is the cosine, whatever the vectors' lengths",
    caught_by=("compare.self_similarity", "compare.scale_invariance", "compare.cosine"),
    how=inside(change=_change),
    also=("compare.*",),
)
