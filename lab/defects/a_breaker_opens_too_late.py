"""The breaker of deepseek_hf opens after fifteen failures."""

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
    with replaced(platform.breakers._breakers["deepseek_hf"], _fail_max=15):  # noqa: SLF001 - a defect knows the insides
        yield
    platform.breakers.reset("deepseek_hf")


DEFECT = Defect(
    breaks="a breaker opens after as many failures as promised",
    caught_by=("chaos.breaker_counts.opens",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="breaker_counts",
)
