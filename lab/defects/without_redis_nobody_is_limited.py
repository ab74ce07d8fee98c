"""While Redis does not answer, every client may ask as often as it likes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.service import Platform


class _Open:
    async def hit(self, *_: object, **__: object) -> bool:
        return True


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    with replaced(platform.limiter, _memory=_Open()):
        yield


DEFECT = Defect(
    breaks="clients are limited without Redis, too",
    caught_by=("chaos.redis_down.holds",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="redis_down",
)
