"""The versioned route counts a comparison that the comparison itself has counted already."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect, both
from lab.tamper import Answer, answers, inside

if TYPE_CHECKING:
    from lab.reference.service import Platform

_platforms: "list[Platform]" = []


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    _platforms.append(platform)
    yield
    _platforms.clear()


def _count(answer: Answer) -> None:
    if answer.status == 200:
        _platforms[0].metrics.compare_requests.labels(status="success").inc()


DEFECT = Defect(
    breaks="each comparison on the versioned route is counted once",
    caught_by=("metrics.counts_compare_v1",),
    how=both(inside(change=_change), answers("/api/v1/compare", change=_count)),
)
