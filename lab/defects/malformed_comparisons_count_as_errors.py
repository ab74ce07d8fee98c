"""A comparison whose body cannot be read counts as an error of the platform."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    def reject() -> None:
        platform.metrics.compare_requests.labels(status="error").inc()

    with replaced(platform.compare, reject_malformed=reject):
        yield


DEFECT = Defect(
    breaks="a client's mistake is no error of the platform",
    caught_by=("metrics.counts_compare_malformed",),
    how=inside(change=_change),
    also=("slo.*", "compare.*", "alerts.*"),
)
