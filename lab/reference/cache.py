"""The shared cache: Redis behind short timeouts, and never a reason for a request to fail."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from lab.reference.settings import Settings

_log = logging.getLogger(__name__)
T = TypeVar("T")

_REST_AFTER_FAILURE_SECONDS = 1.0


class CacheDownError(Exception):
    """Redis is not configured, does not answer, or failed a moment ago."""


class Cache:
    """JSON values in Redis.

    After a failure Redis is left alone for a second, so that an unreachable Redis costs one short timeout a second and
    not one a request. `get_json` and `set_json` swallow the outage; `run` lets the caller know.
    """

    def __init__(self, settings: Settings) -> None:
        """Prepare the connection pool; nothing is connected yet."""
        self._settings = settings
        self._rest_until = 0.0
        self.pool: redis.asyncio.BlockingConnectionPool | None = None
        self._client: redis.asyncio.Redis | None = None
        if settings.redis_url is not None:
            timeout = settings.dependency_timeout_seconds
            self.pool = redis.asyncio.BlockingConnectionPool.from_url(
                settings.redis_url,
                max_connections=settings.redis_max_connections,
                timeout=timeout,
                socket_timeout=timeout,
                socket_connect_timeout=timeout,
                # The library's own retries would multiply the timeout that a request waits for.
                retry=Retry(NoBackoff(), 0),
                decode_responses=True,
                protocol=2,
            )
            self._client = redis.asyncio.Redis(connection_pool=self.pool)

    async def run(self, operation: Callable[[redis.asyncio.Redis], Awaitable[T]], *, force: bool = False) -> T:
        """Do something with Redis; raises CacheDownError.

        `force` asks even when Redis failed a moment ago (health checks want the truth).
        """
        if self._client is None:
            message = "no REDIS_URL is configured"
            raise CacheDownError(message)
        if not force and time.monotonic() < self._rest_until:
            message = "Redis failed a moment ago"
            raise CacheDownError(message)
        try:
            async with asyncio.timeout(2 * self._settings.dependency_timeout_seconds):
                result = await operation(self._client)
        except (RedisError, OSError, TimeoutError) as error:
            if time.monotonic() >= self._rest_until:
                _log.warning("Redis does not answer: %s", _said(error))
            self._rest_until = time.monotonic() + _REST_AFTER_FAILURE_SECONDS
            raise CacheDownError(_said(error)) from error
        self._rest_until = 0.0
        return result

    async def ping(self) -> None:
        """Ask Redis for a sign of life; raises CacheDownError."""

        async def ping(client: redis.asyncio.Redis) -> None:
            await client.ping()

        limit = self._settings.dependency_timeout_seconds
        try:
            async with asyncio.timeout(limit):
                await self.run(ping, force=True)
        except TimeoutError as error:
            message = f"no answer in {limit:g} s"
            raise CacheDownError(message) from error

    async def get_json(self, key: str) -> Any | None:
        """Give the value kept under the key, or None: also when Redis is down or holds something else."""
        try:
            text = await self.run(lambda client: client.get(key))
        except CacheDownError:
            return None
        with contextlib.suppress(ValueError):
            return None if text is None else json.loads(text)
        return None

    async def set_json(self, key: str, value: Any) -> None:
        """Keep a value for the configured time, if Redis is there."""
        life_ms = max(1, round(self._settings.cache_ttl_seconds * 1000))
        with contextlib.suppress(CacheDownError):
            await self.run(lambda client: client.set(key, json.dumps(value), px=life_ms))

    async def close(self) -> None:
        """Close all connections."""
        if self.pool is not None:
            with contextlib.suppress(RedisError, OSError):
                await self.pool.disconnect()


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
