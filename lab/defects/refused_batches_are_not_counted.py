"""Refused classifications are counted on the route of single files, and forgotten on that of batches."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._meters import miscounted
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    healthy = platform.limiter.spend
    files: ContextVar[int] = ContextVar("files", default=1)

    async def spend(service: str, client: str, *, cost: int = 1) -> None:
        files.set(cost)
        await healthy(service, client, cost=cost)

    with (
        replaced(platform.limiter, spend=spend),
        miscounted(platform, "classification_rate_limited", times=lambda _: int(files.get() == 1)),
    ):
        yield


DEFECT = Defect(
    breaks="each refusal by the limit is counted, also that of a batch",
    caught_by=("classifier.limit_is_counted",),
    how=inside(change=_change),
)
