"""A comparison with something that is no number counts as an error of the platform, too."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = platform.compare.check_vector

    def check_vector(vector: Sequence[float], name: str) -> None:
        if not all(map(math.isfinite, vector)):
            platform.metrics.compare_requests.labels(status="error").inc()
        real(vector, name)

    with replaced(platform.compare, check_vector=check_vector):
        yield


DEFECT = Defect(
    breaks="a client's mistake is no error of the platform",
    caught_by=("metrics.counts_compare_not_a_number",),
    how=inside(change=_change),
    also=("slo.*", "compare.*", "alerts.*"),
)
