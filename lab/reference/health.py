"""Health and readiness: what the replica depends on is really asked, at most once a second."""

import asyncio
import functools
import platform
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from lab.reference.breakers import Breakers
from lab.reference.cache import Cache, CacheDownError
from lab.reference.engines import Engines
from lab.reference.history import History, HistoryDownError
from lab.reference.metrics import ErrorRate, Metrics
from lab.reference.schemas import (
    Config,
    ErrorRates,
    Health,
    Limits,
    Monitoring,
    Providers,
    ProvidersHealth,
    ProviderState,
    Readiness,
    ReadyCheck,
    Runtime,
    Services,
    UpOrDown,
)
from lab.reference.settings import OCR_PROVIDERS, PROVIDERS, VISION_PROVIDERS, Settings

Question = Callable[[], Awaitable[tuple[bool, str]]]
"""Asks one dependency: whether it is up, and a detail."""


@dataclass(frozen=True, slots=True)
class Finding:
    """How one dependency answered."""

    up: bool
    detail: str
    duration_ms: float


class HealthService:
    """Asks Redis, Postgres and the engines, and draws the conclusions."""

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        engines: Engines,
        breakers: Breakers,
        cache: Cache,
        history: History,
        *,
        ocr_errors: ErrorRate,
        vision_errors: ErrorRate,
    ) -> None:
        """Nothing is asked before the first question."""
        self._settings = settings
        self._metrics = metrics
        self._engines = engines
        self._breakers = breakers
        self._cache = cache
        self._history = history
        self._error_rates = (ocr_errors, vision_errors)
        self._lock = asyncio.Lock()
        self._findings: dict[str, Finding] = {}
        self._asked_at = -float("inf")
        self.accepting = False

    async def findings(self) -> dict[str, Finding]:
        """Give how each dependency answered within the last second; asks all at once when that is longer ago."""
        async with self._lock:
            if time.monotonic() - self._asked_at >= self._settings.health_cache_seconds:
                questions = self._questions()
                answers = await asyncio.gather(*(self._timed(question) for question in questions.values()))
                self._findings = dict(zip(questions, answers, strict=True))
                self._asked_at = time.monotonic()
            return self._findings

    def _questions(self) -> dict[str, Question]:
        """Give what to ask: of the engines that are enabled and the servers that are configured."""
        questions: dict[str, Question] = {}
        if self._settings.redis_url is not None:
            questions["redis"] = self._ask_redis
        if self._settings.database_url is not None:
            questions["postgres"] = self._ask_postgres
        for name in PROVIDERS:
            if self._settings.enabled(name):
                questions[name] = functools.partial(self._ask_engine, name)
        return questions

    async def report(self) -> Health:
        """Describe the replica.

        `ml` is up while at least one OCR engine and the vision engine answer; the status is healthy only when every
        enabled provider and every other dependency does.
        """
        findings = await self.findings()
        ml = self._any_up(findings, OCR_PROVIDERS) and self._any_up(findings, VISION_PROVIDERS)
        well = ml and all(finding.up for finding in findings.values())
        ocr_errors, vision_errors = self._error_rates
        return Health(
            status="healthy" if well else "degraded",
            timestamp=_now(),
            services=Services(api="up", ml=_word(ml), redis=_word("redis" in findings and findings["redis"].up)),
            runtime=Runtime(
                python_version=platform.python_version(),
                metrics_enabled=True,
                error_rate_ema=ErrorRates(ocr=ocr_errors.value, vision=vision_errors.value),
            ),
            config=self._config(),
        )

    async def readiness(self) -> Readiness:
        """Say whether requests should come here.

        The replica works without each single dependency, only worse, and all replicas share them: were readiness to
        follow a dependency, its outage would take every replica out of the load balancer and make a degraded platform a
        dead one. So what the dependencies said is told, and only a replica that starts or stops is not ready.
        """
        findings = await self.findings()
        return Readiness(
            status="ready" if self.accepting else "not_ready",
            ready=self.accepting,
            timestamp=_now(),
            checks={
                name: ReadyCheck(
                    status=_word(finding.up), detail=finding.detail, duration_ms=round(finding.duration_ms, 3)
                )
                for name, finding in findings.items()
            },
        )

    async def providers(self) -> ProvidersHealth:
        """Describe the providers; one that is disabled is listed as not ready and does not make the whole degraded."""
        findings = await self.findings()
        results = []
        for name in PROVIDERS:
            error = self._trouble_of(name, findings)
            domain = "ocr" if name in OCR_PROVIDERS else "vision"
            results.append(
                ProviderState.model_validate(
                    {"domain": domain, "provider": name, "ready": error is None, "error": error}
                )
            )
        wanted = [state for state in results if self._settings.enabled(state.provider)]
        return ProvidersHealth(
            status="ok" if all(state.ready for state in wanted) else "degraded",
            total=len(results),
            ready=sum(state.ready for state in results),
            results=results,
        )

    def _trouble_of(self, provider: str, findings: dict[str, Finding]) -> str | None:
        if not self._settings.enabled(provider):
            return "disabled"
        finding = findings.get(provider)
        if finding is None or not finding.up:
            return "no answer" if finding is None else finding.detail
        state = self._breakers.state(provider)
        return None if state == "closed" else f"circuit breaker is {state}"

    def _any_up(self, findings: dict[str, Finding], providers: tuple[str, ...]) -> bool:
        return any(name in findings and findings[name].up for name in providers)

    async def _timed(self, question: Question) -> Finding:
        started = time.perf_counter()
        up, detail = await question()
        if not up:
            # On a machine that is short of processor time an answer that came may be seen too late: before a dependency
            # is called down it is asked once more. Both limits together stay below a second.
            up, detail = await question()
        return Finding(up, detail, (time.perf_counter() - started) * 1000)

    async def _ask_redis(self) -> tuple[bool, str]:
        try:
            await self._cache.ping()
        except CacheDownError as error:
            return False, _without_address(error)
        return True, "answered PING"

    async def _ask_postgres(self) -> tuple[bool, str]:
        try:
            await self._history.ping()
        except HistoryDownError as error:
            return False, _without_address(error)
        return True, "answered a query"

    async def _ask_engine(self, provider: str) -> tuple[bool, str]:
        health = await self._engines.probe(provider)
        if provider in OCR_PROVIDERS:
            self._metrics.ocr_model_loaded.labels(provider=provider).set(health.model_loaded)
        return health.reachable and health.model_loaded, health.detail

    def _config(self) -> Config:
        settings = self._settings
        return Config(
            limits=Limits(
                request_timeout_seconds=settings.request_timeout_seconds,
                provider_timeout_seconds=settings.provider_timeout_seconds,
                circuit_breaker_timeout_seconds=settings.circuit_breaker_timeout_seconds,
                circuit_breaker_failures=settings.circuit_breaker_failures,
                ocr_max_file_bytes=settings.ocr_max_file_bytes,
                ocr_max_pages=settings.ocr_max_pages,
                vision_max_image_bytes=settings.vision_max_image_bytes,
                request_max_bytes=settings.request_max_bytes,
                max_workers=settings.max_workers,
                connection_pool_size=settings.connection_pool_size,
                redis_max_connections=settings.redis_max_connections,
                cache_ttl_seconds=settings.cache_ttl_seconds,
            ),
            providers=Providers(
                ocr=list(OCR_PROVIDERS),
                vision=list(VISION_PROVIDERS),
                default="auto",
                disabled=sorted(settings.disabled_providers),
            ),
            monitoring=Monitoring(
                metrics_enabled=True,
                redis_enabled=settings.redis_url is not None,
                error_ema_alpha=settings.error_ema_alpha,
                classifier_rate_limit_per_min=settings.classifier_rate_limit_per_min,
                classifier_rate_limit_burst=settings.classifier_rate_limit_burst,
                classifier_cache_max_size=settings.classifier_cache_max_size,
            ),
        )


def _without_address(error: Exception) -> str:
    # Drivers like to quote host, port and user; these answers are public.
    cause = error.__cause__
    return type(cause).__name__ if cause is not None else str(error)


def _word(up: bool) -> UpOrDown:  # noqa: FBT001 - a value, not an option
    return "up" if up else "down"


def _now() -> str:
    return datetime.now(UTC).isoformat()
