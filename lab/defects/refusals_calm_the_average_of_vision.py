"""The moving average of vision errors takes what the open breaker refuses for a success."""

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
    rate = platform.vision.error_rate

    def without_success(status: str, code: Code, message: str, started: float) -> VisionResult:
        if code == Code.CIRCUIT_OPEN:
            # Once for the failure that it was taken for, and once for what it is taken for here.
            rate.record(failed=False)
            rate.record(failed=False)
        return real(status, code, message, started)

    with replaced(platform.vision, _without_success=without_success):
        yield


DEFECT = Defect(
    breaks="the moving average of errors does not fall while every request fails",
    caught_by=("chaos.provider_down_vision.averaged",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_down_vision",
)
