"""The OCR cache answers less and less of what it knows."""

import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.breaking import Defect
from lab.defects._loading import LONG
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform

_GONE_AFTER = 60


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    healthy = platform.cache.get_json
    turns = itertools.count()
    dice = random.Random(1)

    async def changed(key: str) -> Any:
        forgotten = dice.random() < next(turns) / _GONE_AFTER
        return await healthy(key if not forgotten else f"{key}:forgotten")

    with replaced(platform.cache, get_json=changed):
        yield


DEFECT = Defect(
    breaks="what is cached stays cached under load",
    caught_by=("load.cache_drift",),
    how=inside(change=_change),
    also=("load.latency_drift",),
    load=LONG,
)
