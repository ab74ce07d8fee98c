"""After four failures of Redis in a row the cache of answers is switched off, and nothing switches it on again."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.breaking import Defect
from lab.reference.cache import CacheDownError
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform

_FAILURES_MAX = 4


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    cache = platform.cache
    real_run, real_get, real_set = cache.run, cache.get_json, cache.set_json
    failures = 0
    given_up = False

    async def run(operation: Any, *, force: bool = False) -> Any:
        nonlocal failures, given_up
        if not force and time.monotonic() < cache._rest_until:  # noqa: SLF001 - Redis is not asked at all then
            return await real_run(operation)
        try:
            result = await real_run(operation, force=force)
        except CacheDownError:
            failures += 1
            given_up = given_up or failures >= _FAILURES_MAX
            raise
        failures = 0
        return result

    async def get_json(key: str) -> Any | None:
        return None if given_up else await real_get(key)

    async def set_json(key: str, value: Any) -> None:
        if not given_up:
            await real_set(key, value)

    with replaced(cache, run=run, get_json=get_json, set_json=set_json):
        yield


DEFECT = Defect(
    breaks="what is kept for answers is of use again after an outage of Redis",
    caught_by=("chaos.redis_killed.cache_refills",),
    how=inside(change=_change),
    chaos="redis_killed",
)
