"""The reset of one provider's breaker leaves it half-open."""

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
    real = breakers.reset

    def reset(provider: str) -> str:
        if provider != "deepseek_hf":
            return real(provider)
        breakers._breakers[provider].half_open()  # noqa: SLF001 - where a reset would close it
        return "closed"

    with replaced(breakers, reset=reset):
        yield


DEFECT = Defect(
    breaks="a reset closes the breaker",
    caught_by=("providers.reset_deepseek_hf",),
    how=inside(change=_change),
    also=(
        "slo.*",
        "prometheus.*",
    ),
)
