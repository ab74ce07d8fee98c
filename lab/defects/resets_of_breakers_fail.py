"""The reset of a breaker ends in an internal error."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    async def reset_breaker(_provider: str) -> tuple[str, bool]:
        raise RuntimeError("the state of the breakers cannot be written")

    with replaced(platform, reset_breaker=reset_breaker):
        yield


DEFECT = Defect(
    breaks="operators can reset a breaker",
    caught_by=(
        "providers.reset_paddle",
        "providers.reset_deepseek_hf",
        "providers.reset_by_alias",
    ),
    how=inside(change=_change),
    also=(
        "security.*",
        "openapi.*",
        "errors.*",
    ),
)
