"""The score is divided by the candidate's length twice, and by the query's not at all."""

import math
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
    with rescored(platform, lambda of: of.score * math.hypot(*of.query) / math.hypot(*of.candidate)):
        yield


DEFECT = Defect(
    breaks="a score does not depend on which vector is the candidate",
    caught_by=("compare.symmetry", "compare.scale_invariance", "compare.cosine"),
    how=inside(change=_change),
    also=("compare.*",),
)
