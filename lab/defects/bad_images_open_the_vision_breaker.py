"""Refused images count as failures of the vision provider."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.errors import Code, ProviderFaultError, Stage
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.schemas import VisionResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real = platform.vision._without_success  # noqa: SLF001 - a defect knows the insides

    def without_success(status: str, code: Code, message: str, started: float) -> VisionResult:
        if code is Code.INPUT_ERROR:
            with suppress(ProviderFaultError), platform.breakers.guard("vision"):
                raise ProviderFaultError("vision", code, Stage.PREPROCESS, message)
        return real(status, code, message, started)

    with replaced(platform.vision, _without_success=without_success):
        yield
    platform.breakers.reset("vision")


DEFECT = Defect(
    breaks="bad images of a client open no breaker",
    caught_by=("isolation.bad_input_opens_no_breaker", "isolation.good_input_after_bad_input"),
    how=inside(change=_change),
    also=("isolation.*", "vision.*", "providers.*", "health.*", "metrics.counts_vision*"),
)
