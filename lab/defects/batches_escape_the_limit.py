"""A batch of several files is not counted by the classifier's limit at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._limits import Spend, spending
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


async def _wrong(spend: Spend, client: str, cost: int) -> None:
    if cost == 1:
        await spend(client, cost)


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with spending(platform, _wrong):
        yield


DEFECT = Defect(
    breaks="batches count for the limit, and are refused beyond it",
    caught_by=("classifier.limit_of_batches",),
    how=inside(change=_change),
)
