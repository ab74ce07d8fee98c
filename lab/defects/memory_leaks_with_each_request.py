"""Each comparison leaves two megabytes behind."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.breaking import Defect
from lab.defects._loading import LONG
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform

_LEFT_BYTES = 2_000_000


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    left: list[bytes] = []
    healthy = platform.compare.compare

    async def changed(*arguments: Any, **named: Any) -> Any:
        left.append(b"x" * _LEFT_BYTES)
        return await healthy(*arguments, **named)

    with replaced(platform.compare, compare=changed):
        yield


DEFECT = Defect(
    breaks="a replica's memory does not grow with the number of requests",
    caught_by=("load.memory_growth",),
    how=inside(change=_change),
    load=LONG,
)
