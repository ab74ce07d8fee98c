"""Whoever has once used up the allowance of the classifier is never served again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._limits import Spend, spending
from lab.reference.limiter import LimitedError
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    banned: set[str] = set()

    async def spend(healthy: Spend, client: str, cost: int) -> None:
        if client in banned:
            raise LimitedError(1)
        try:
            await healthy(client, cost)
        except LimitedError:
            banned.add(client)
            raise

    with spending(platform, spend):
        yield


DEFECT = Defect(
    breaks="whoever waits as told is served again",
    caught_by=("classifier.limit_ends",),
    how=inside(change=_change),
    also=("classifier.limit_in_force", "isolation.*", "security.*"),
)
