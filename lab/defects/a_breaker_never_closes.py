"""Once open, the breaker of paddle stays open for an hour."""

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
    with replaced(platform.breakers._breakers["paddle"], _reset_timeout=3600):  # noqa: SLF001 - a defect knows the insides
        yield
    platform.breakers.reset("paddle")


DEFECT = Defect(
    breaks="a breaker closes once its provider is back",
    caught_by=("chaos.provider_down_paddle.closes", "chaos.provider_down_paddle.recovers"),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_down_paddle",
)
