"""All clients together may ask the classifier as often as one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._limits import Spend, spending
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


async def _together(spend: Spend, _: str, cost: int) -> None:
    await spend("everyone", cost)


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with spending(platform, _together):
        yield


DEFECT = Defect(
    breaks="the rate limit is each client's own",
    caught_by=("classifier.limit_is_of_one_client",),
    how=inside(change=_change),
    also=("classifier.limit_*", "isolation.*", "security.*"),
)
