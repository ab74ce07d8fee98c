"""Answers are kept in Redis without an end."""

from __future__ import annotations

import contextlib
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.breaking import Defect
from lab.reference.cache import CacheDownError
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    async def set_json(key: str, value: Any) -> None:
        with contextlib.suppress(CacheDownError):
            await platform.cache.run(lambda client: client.set(key, json.dumps(value)))

    with replaced(platform.cache, set_json=set_json):
        yield


DEFECT = Defect(
    breaks="what is kept in Redis for an answer goes away by itself",
    caught_by=("dependencies.redis_forgets",),
    how=inside(change=_change),
)
