"""The metric of an open breaker says so only a while later."""

from __future__ import annotations

import time
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.settings import PROVIDERS
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.service import Platform


_LAG_SECONDS = 4.0


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real = platform.metrics.ocr_circuit_state
    due: list[tuple[float, dict[str, str], float]] = []

    class Late:
        """A gauge that shows a value only after a few seconds, when the next one is set."""

        def __init__(self, labels: dict[str, str]) -> None:
            self._labels = labels

        def set(self, value: float) -> None:
            """Keep a value, and show those that have waited."""
            now = time.monotonic()
            due.append((now, self._labels, value))
            while due and now - due[0][0] > _LAG_SECONDS:
                _, labels, old = due.pop(0)
                real.labels(**labels).set(old)

    with replaced(platform.metrics, ocr_circuit_state=SimpleNamespace(labels=lambda **labels: Late(labels))):
        yield
    for provider in PROVIDERS:
        platform.breakers.reset(provider)
        real.labels(key=provider).set(0)


DEFECT = Defect(
    breaks="the metric of a breaker says what callers see, soon",
    caught_by=("chaos.provider_down_paddle.gauge",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_down_paddle",
)
