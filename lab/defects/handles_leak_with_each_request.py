"""Each comparison leaves ten files open."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.breaking import Defect
from lab.defects._loading import LONG
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    left: list[int] = []
    healthy = platform.compare.compare

    async def changed(*arguments: Any, **named: Any) -> Any:
        left.extend(os.open(os.devnull, os.O_RDONLY) for _ in range(10))
        return await healthy(*arguments, **named)

    try:
        with replaced(platform.compare, compare=changed):
            yield
    finally:
        for handle in left:
            os.close(handle)


DEFECT = Defect(
    breaks="a replica's open files do not grow with the number of requests",
    caught_by=("load.handle_growth",),
    how=inside(change=_change),
    load=LONG,
)
