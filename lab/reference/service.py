"""The platform object: all parts of one replica under clear names."""

import asyncio
import contextlib
import logging
import time

from lab.reference.access import Access
from lab.reference.breakers import Breakers
from lab.reference.cache import Cache, CacheDownError
from lab.reference.classifier import Classifier
from lab.reference.compare import Compare, Vectors
from lab.reference.engines import Engines
from lab.reference.health import HealthService
from lab.reference.history import History
from lab.reference.limiter import Limiter
from lab.reference.metrics import Metrics
from lab.reference.ocr import Ocr
from lab.reference.settings import Settings
from lab.reference.vision import Vision

_log = logging.getLogger(__name__)

_RESETS_KEY = "cad:breaker-resets"
_RESETS_INTERVAL_SECONDS = 0.5
_LOOK_ROUND_INTERVAL_SECONDS = 5.0


class Platform:
    """One replica. Seeded defects replace settings, parts, or methods of parts on this object."""

    def __init__(self, settings: Settings) -> None:
        """Build the parts; nothing is connected before `start`."""
        self.settings = settings
        self.access = Access(settings)
        self.metrics = Metrics()
        self.cache = Cache(settings)
        self.limiter = Limiter(settings, self.cache)
        self.history = History(settings)
        self.breakers = Breakers(settings, self.metrics)
        self.engines = Engines(settings, self.breakers)
        self.ocr = Ocr(settings, self.metrics, self.engines, self.cache, self.history)
        self.vision = Vision(settings, self.metrics, self.engines)
        self.vectors = Vectors(settings, self.cache)
        self.compare = Compare(settings, self.metrics, self.vectors)
        self.classifier = Classifier(settings, self.metrics)
        self.health = HealthService(
            settings,
            self.metrics,
            self.engines,
            self.breakers,
            self.cache,
            self.history,
            ocr_errors=self.ocr.error_rate,
            vision_errors=self.vision.error_rate,
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._resets_seen: dict[str, str] = {}

    async def start(self) -> None:
        """Begin the work in the background; the replica is ready once it has looked at its dependencies."""
        self._tasks = [
            asyncio.create_task(self._become_ready(), name="start"),
            asyncio.create_task(self._follow_resets(), name="resets"),
        ]

    async def stop(self) -> None:
        """End the work and close all connections."""
        self.health.accepting = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.history.close()
        await self.engines.close()
        await self.cache.close()

    async def reset_breaker(self, provider: str) -> tuple[str, bool]:
        """Close a provider's breaker here, and let the other replicas know.

        Gives the state it was in here, and whether the others will follow. Raises KeyError for an unknown provider.
        """
        before = self.breakers.reset(provider)
        mark = str(time.time_ns())
        self._resets_seen[provider] = mark
        try:
            await self.cache.run(lambda client: client.hset(_RESETS_KEY, provider, mark))
        except CacheDownError:
            return before, False
        return before, True

    async def _become_ready(self) -> None:
        await self.history.start()
        # Resets from before this process was born mean nothing to it.
        self._resets_seen = await self._resets()
        while True:
            try:
                await self.health.findings()
            except Exception:  # noqa: BLE001 - whatever it was, requests are to be served
                _log.exception("the look at the dependencies failed")
            self.health.accepting = True
            await asyncio.sleep(_LOOK_ROUND_INTERVAL_SECONDS)

    async def _follow_resets(self) -> None:
        while True:
            await asyncio.sleep(_RESETS_INTERVAL_SECONDS)
            if not self.health.accepting:
                continue
            for provider, mark in (await self._resets()).items():
                if self._resets_seen.get(provider) != mark:
                    self._resets_seen[provider] = mark
                    with contextlib.suppress(KeyError):
                        self.breakers.reset(provider)

    async def _resets(self) -> dict[str, str]:
        try:
            found = await self.cache.run(lambda client: client.hgetall(_RESETS_KEY))
        except CacheDownError:
            return {}
        return {str(provider): str(mark) for provider, mark in found.items()}
