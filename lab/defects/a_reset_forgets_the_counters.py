"""The reset of a provider's breaker takes the counters of its requests and errors away, too."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = platform.breakers.reset
    counters = (platform.metrics.ocr_requests, platform.metrics.ocr_errors)

    def reset(provider: str) -> str:
        before = real(provider)
        for counter in counters:
            for labels in [labels for labels in counter._metrics if labels[0] == provider]:  # noqa: SLF001 - has no method
                counter.remove(*labels)
        return before

    with replaced(platform.breakers, reset=reset):
        yield


DEFECT = Defect(
    breaks="counters only grow, whatever operators reset",
    caught_by=("providers.reset_keeps_counters",),
    how=inside(change=_change),
    also=("metrics.*", "errors.*"),
)
