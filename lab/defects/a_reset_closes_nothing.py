"""A reset of a breaker says that it is done, and does nothing."""

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
    def reset(provider: str) -> str:
        return platform.breakers.state(provider)

    with replaced(platform.breakers, reset=reset):
        yield
    platform.breakers.reset("deepseek_hf")


DEFECT = Defect(
    breaks="a reset closes a breaker",
    caught_by=("chaos.breaker_reset.reset",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="breaker_reset",
)
