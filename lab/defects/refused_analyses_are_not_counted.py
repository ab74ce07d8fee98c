"""Vision analyses that the open breaker refuses are counted as requests, and not as errors."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.errors import Code
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.schemas import VisionResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real = platform.vision._without_success  # noqa: SLF001 - a defect knows the insides

    def without_success(status: str, code: Code, message: str, started: float) -> VisionResult:
        result = real(status, code, message, started)
        if code == Code.CIRCUIT_OPEN:
            platform.metrics.vision_errors.labels(provider=result.provider, code=code).reset()
        return result

    with replaced(platform.vision, _without_success=without_success):
        yield


DEFECT = Defect(
    breaks="vision analyses that fail are counted with their code",
    caught_by=("chaos.provider_down_vision.counted",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_down_vision",
)
