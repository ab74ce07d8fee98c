"""While half-open, the breaker of paddle lets every request through."""

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
    class Nobody(set[str]):
        """Remembers no trial."""

        def __contains__(self, _: object) -> bool:
            return False

    with replaced(platform.breakers, _trials=Nobody()):
        yield
    platform.breakers.reset("paddle")


DEFECT = Defect(
    breaks="a half-open breaker lets one trial through at a time",
    caught_by=("chaos.provider_black_hole.half_open",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_black_hole",
)
