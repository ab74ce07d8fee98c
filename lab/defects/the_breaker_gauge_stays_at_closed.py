"""The metric of the breakers says that they are closed, whatever they are."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.service import Platform


class _Ignored:
    """A gauge that takes everything and shows nothing."""

    def set(self, value: float) -> None:
        """Take a value."""


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    gauge = platform.metrics.ocr_circuit_state

    def still(**labels: str) -> object:
        gauge.labels(**labels).set(0)
        return _Ignored()

    with replaced(platform.metrics, ocr_circuit_state=SimpleNamespace(labels=still)):
        yield


DEFECT = Defect(
    breaks="the metric of a breaker says what callers see",
    caught_by=("chaos.provider_down_paddle.gauge",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_down_paddle",
)
