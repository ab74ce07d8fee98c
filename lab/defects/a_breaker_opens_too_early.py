"""The breaker of deepseek_hf opens one failure too early."""

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
    breaker = platform.breakers._breakers["deepseek_hf"]  # noqa: SLF001 - a defect knows the insides
    with replaced(breaker, _fail_max=breaker._fail_max - 1):  # noqa: SLF001 - as above
        yield
    platform.breakers.reset("deepseek_hf")


DEFECT = Defect(
    breaks="a breaker does not open after fewer failures than promised",
    caught_by=("chaos.breaker_counts.not_before",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="breaker_counts",
)
