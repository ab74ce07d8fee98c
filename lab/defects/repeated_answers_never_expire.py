"""What is kept in Redis under an idempotency key is kept for ever; only the cache of readings has CACHE_TTL."""

import contextlib
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.breaking import Defect
from lab.reference.cache import CacheDownError
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform

_PREFIX = "cad:idempotency:"
_TIMEOUT_SECONDS = 2.0


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = platform.cache.set_json
    kept: set[str] = set()

    async def set_json(key: str, value: Any) -> None:
        if not key.startswith(_PREFIX):
            await real(key, value)
            return
        kept.add(key)
        with contextlib.suppress(CacheDownError):
            await platform.cache.run(lambda client: client.set(key, json.dumps(value)))

    with replaced(platform.cache, set_json=set_json):
        yield
    _let_expire(platform, kept)


def _let_expire(platform: "Platform", keys: set[str]) -> None:
    """Give the keys that were made meanwhile the life that they should have had."""
    if not keys or platform.settings.redis_url is None:
        return
    import redis  # noqa: PLC0415 - a slow import that the rest of the catalogue need not pay for

    life_seconds = math.ceil(platform.settings.cache_ttl_seconds)
    client = redis.Redis.from_url(
        platform.settings.redis_url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS
    )
    with contextlib.suppress(redis.RedisError, OSError):
        for key in keys:
            client.expire(key, life_seconds)
    client.close()


DEFECT = Defect(
    breaks="what is kept in Redis for an answer goes away by itself",
    caught_by=("dependencies.redis_forgets",),
    how=inside(change=_change),
)
