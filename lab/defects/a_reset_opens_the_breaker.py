"""The reset opens the breaker that it should close."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    breakers = platform.breakers

    def reset(provider: str) -> str:
        breakers._breakers[provider].open()  # noqa: SLF001 - where a reset would close it
        return "open"

    with replaced(breakers, reset=reset):
        yield


DEFECT = Defect(
    breaks="a reset closes the breaker",
    caught_by=(
        "providers.reset_paddle",
        "providers.reset_deepseek_hf",
    ),
    how=inside(change=_change),
    also=("*",),
)
