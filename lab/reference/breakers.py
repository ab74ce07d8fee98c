"""A circuit breaker for each provider."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pybreaker

from lab.reference.errors import ClientMistakeError, Code, ProviderFaultError, Stage
from lab.reference.metrics import Metrics
from lab.reference.settings import PROVIDERS, Settings

_log = logging.getLogger(__name__)

GAUGE_VALUES: Final = {pybreaker.STATE_CLOSED: 0, pybreaker.STATE_HALF_OPEN: 1, pybreaker.STATE_OPEN: 2}


class _ShowState(pybreaker.CircuitBreakerListener):
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def state_change(self, cb: pybreaker.CircuitBreaker, old_state: Any, new_state: Any) -> None:
        if old_state is not None and old_state.name != new_state.name:
            _log.warning("breaker of %s: %s -> %s", cb.name, old_state.name, new_state.name)
        self._metrics.ocr_circuit_state.labels(key=cb.name).set(GAUGE_VALUES[new_state.name])


class Breakers:
    """The breakers by provider. Only faults of a provider count, never a client's mistake."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        """Create closed breakers."""
        self._trials: set[str] = set()
        self._breakers = {
            provider: pybreaker.CircuitBreaker(
                fail_max=settings.circuit_breaker_failures,
                reset_timeout=settings.circuit_breaker_timeout_seconds,
                exclude=[ClientMistakeError],
                listeners=[_ShowState(metrics)],
                name=provider,
                # The call that trips the breaker keeps its own error, which says more than "open".
                throw_new_error_on_trip=False,
            )
            for provider in PROVIDERS
        }

    def state(self, provider: str) -> str:
        """Give "closed", "half-open" or "open"; raises KeyError for an unknown provider."""
        return str(self._breakers[provider].current_state)

    @contextmanager
    def guard(self, provider: str) -> Iterator[None]:
        """Guard one call to a provider; raises ProviderFaultError (CIRCUIT_OPEN) when it must not be made.

        While half-open one trial call is let through at a time. The library would let all through, as its lock does not
        span an `await`.
        """
        breaker = self._breakers[provider]
        if provider in self._trials and breaker.current_state == pybreaker.STATE_HALF_OPEN:
            raise _refusal(provider)
        trial = False
        try:
            with breaker.calling():
                trial = breaker.current_state == pybreaker.STATE_HALF_OPEN
                if trial:
                    self._trials.add(provider)
                yield
        except pybreaker.CircuitBreakerError as error:
            raise _refusal(provider) from error
        finally:
            if trial:
                self._trials.discard(provider)

    def reset(self, provider: str) -> str:
        """Close the breaker; gives the state it was in. Raises KeyError for an unknown provider."""
        breaker = self._breakers[provider]
        before = str(breaker.current_state)
        breaker.close()
        return before


def _refusal(provider: str) -> ProviderFaultError:
    message = f"the circuit breaker of {provider} is open after repeated failures"
    return ProviderFaultError(provider, Code.CIRCUIT_OPEN, Stage.INIT, message, reached=False)
