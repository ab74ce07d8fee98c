"""Comparisons are refused while the breaker of vision is not closed, with which they have nothing to do."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.breaking import Defect
from lab.reference.errors import ApiError, Code
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.schemas import CompareResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real = platform.compare.compare
    breaker = platform.breakers._breakers["vision"]  # noqa: SLF001 - a defect knows the insides

    async def compare(*given: Any, **named: Any) -> CompareResult:
        if breaker.current_state != "closed":
            raise ApiError(503, Code.EXTERNAL_SERVICE_ERROR, "try again later")
        return await real(*given, **named)

    with replaced(platform.compare, compare=compare):
        yield


DEFECT = Defect(
    breaks="what does not need the vision provider goes on without it",
    caught_by=("chaos.provider_down_vision.holds",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_down_vision",
)
