"""Metrics that count wrongly, for the defects of counting."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.tamper import replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform

Labels = Mapping[str, str]


class WrongMeter:
    """Stands in for a counter or histogram, and counts something else into it.

    `relabel` changes the labels; `times` says how often each event is counted (0: not at all); `scale` multiplies
    what a histogram observes.
    """

    def __init__(
        self,
        meter: Any,
        *,
        relabel: Callable[[Labels], Labels] = dict,
        times: Callable[[Labels], int] | int = 1,
        scale: float = 1.0,
        labels: Labels | None = None,
    ) -> None:
        self._meter = meter
        self._relabel = relabel
        self._times = times
        self._scale = scale
        self._labels = labels or {}

    def labels(self, **labels: object) -> "WrongMeter":
        """Give the child that the event is wrongly counted in."""
        said = {name: str(value) for name, value in labels.items()}
        child = self._meter.labels(**self._relabel(said))
        return WrongMeter(child, times=self._times, scale=self._scale, labels=said)

    def inc(self, amount: float = 1) -> None:
        """Count an event, as often as the defect says."""
        for _ in range(self._often()):
            self._meter.inc(amount)

    def observe(self, amount: float) -> None:
        """Observe a value, scaled and as often as the defect says."""
        for _ in range(self._often()):
            self._meter.observe(amount * self._scale)

    def _often(self) -> int:
        return self._times if isinstance(self._times, int) else self._times(self._labels)


@contextmanager
def miscounted(
    platform: "Platform",
    meter: str,
    *,
    relabel: Callable[[Labels], Labels] = dict,
    times: Callable[[Labels], int] | int = 1,
    scale: float = 1.0,
    clear: bool = False,
) -> Iterator[None]:
    """Let one metric of the platform count wrongly; `clear` forgets at the end what it has counted meanwhile."""
    real = getattr(platform.metrics, meter)
    with replaced(platform.metrics, **{meter: WrongMeter(real, relabel=relabel, times=times, scale=scale)}):
        yield
    if clear:
        real.clear()
