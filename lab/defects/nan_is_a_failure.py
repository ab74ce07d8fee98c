"""Numbers that are not finite, and vectors without a direction, reach the calculation."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._scores import failing
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with failing(platform, lambda query, _: not all(map(math.isfinite, query)) or (len(query) > 0 and not any(query))):
        yield


DEFECT = Defect(
    breaks="what is not finite is refused",
    caught_by=("compare.nan", "compare.infinity", "compare.beyond_numbers", "compare.zero"),
    how=inside(change=_change),
    also=("compare.*",),
)
