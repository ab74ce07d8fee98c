"""A healthy provider's breaker opens when there is much to do, and turns a request away."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.breaking import Defect
from lab.defects._loading import SMOKE
from lab.reference.errors import Code, Stage
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.ocr import OcrRequest
    from lab.reference.service import Platform

_REQUESTS = 6


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    healthy = platform.ocr.extract
    turns = itertools.count(1)
    gauge = platform.metrics.ocr_circuit_state.labels(key="paddle")

    async def changed(request: "OcrRequest") -> Any:
        if next(turns) == _REQUESTS:
            gauge.set(2)
            platform.metrics.ocr_errors.labels(provider="paddle", code=Code.CIRCUIT_OPEN, stage=Stage.INIT).inc()
        return await healthy(request)

    try:
        with replaced(platform.ocr, extract=changed):
            yield
    finally:
        gauge.set(0)


DEFECT = Defect(
    breaks="breakers of healthy providers stay closed under load",
    caught_by=("load.breakers", "load.circuit_open_answers"),
    how=inside(change=_change),
    load=SMOKE,
)
