"""The open breaker of deepseek_hf lets a trial through after 0.8 seconds."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    with replaced(platform.breakers._breakers["deepseek_hf"], _reset_timeout=0.8):  # noqa: SLF001 - a defect knows the insides
        yield
    platform.breakers.reset("deepseek_hf")


DEFECT = Defect(
    breaks="an open breaker stays open for as long as promised",
    caught_by=("chaos.breaker_counts.half_open",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="breaker_counts",
)
