"""Vision analyses that the provider fails at are counted as errors, and not as requests."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.errors import Code
    from lab.reference.schemas import VisionResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real = platform.vision._without_success  # noqa: SLF001 - a defect knows the insides

    def without_success(status: str, code: Code, message: str, started: float) -> VisionResult:
        result = real(status, code, message, started)
        if status == "error":
            platform.metrics.vision_requests.labels(provider=result.provider, status=status).reset()
        return result

    with replaced(platform.vision, _without_success=without_success):
        yield


DEFECT = Defect(
    breaks="vision analyses that fail are counted among the requests",
    caught_by=("chaos.provider_down_vision.requests_counted",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_down_vision",
)
