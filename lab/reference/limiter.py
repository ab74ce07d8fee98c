"""Rate limits per client over a moving window, counted in Redis so that all replicas share the count."""

import math
import time

from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter

from lab.reference.cache import Cache, CacheDownError
from lab.reference.settings import Settings


class LimitedError(Exception):
    """The client has used up its share; `retry_after_seconds` (at least 1) is when it may come again."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"too many requests, try again in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


class Limiter:
    """Counts what clients ask. Without Redis each replica counts for itself."""

    def __init__(self, settings: Settings, cache: Cache) -> None:
        """Share the cache's connections to Redis."""
        self._settings = settings
        self._cache = cache
        self._memory = MovingWindowRateLimiter(MemoryStorage())
        self._shared: MovingWindowRateLimiter | None = None
        if settings.redis_url is not None:
            storage = RedisStorage(
                f"async+{settings.redis_url}",
                implementation="redispy",
                connection_pool=cache.pool,  # type: ignore[arg-type]  # the library types all options as scalars
            )
            self._shared = MovingWindowRateLimiter(storage)

    def allowance(self, service: str) -> int:
        """How many requests a client may make in any window; raises KeyError for an unknown service."""
        return {
            "classify": self._settings.classifier_rate_limit_per_min + self._settings.classifier_rate_limit_burst,
            "ocr": self._settings.ocr_rate_limit_per_min,
        }[service]

    async def spend(self, service: str, client: str, *, cost: int = 1) -> None:
        """Count a request of a client; raises LimitedError when it is one too many (which then does not count)."""
        item = RateLimitItemPerSecond(
            self.allowance(service), self._settings.rate_limit_window_seconds, namespace=f"cad:limit:{service}"
        )
        shared = self._shared
        if shared is not None:
            try:
                await self._cache.run(lambda _: self._spend(shared, item, client, cost))
            except CacheDownError:
                pass
            else:
                return
        await self._spend(self._memory, item, client, cost)

    async def _spend(
        self, limiter: MovingWindowRateLimiter, item: RateLimitItemPerSecond, client: str, cost: int
    ) -> None:
        if await limiter.hit(item, client, cost=cost):
            return
        stats = await limiter.get_window_stats(item, client)
        raise LimitedError(max(1, math.ceil(stats.reset_time - time.time())))
