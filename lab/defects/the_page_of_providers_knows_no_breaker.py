"""The page of providers calls paddle ready, whatever happens to it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.health import Finding
    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real = platform.health._trouble_of  # noqa: SLF001 - a defect knows the insides

    def trouble_of(provider: str, findings: dict[str, Finding]) -> str | None:
        return None if provider == "paddle" else real(provider, findings)

    with replaced(platform.health, _trouble_of=trouble_of):
        yield


DEFECT = Defect(
    breaks="the page of providers says what callers see",
    caught_by=("chaos.provider_down_paddle.page",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_down_paddle",
)
