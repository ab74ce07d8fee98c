"""A vector that is registered under an id that is taken is accepted, and the first one stays."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = platform.vectors.register

    async def register(tenant: str, name: str, vector: Sequence[float]) -> None:
        if await platform.vectors.find(tenant, name) is None:
            await real(tenant, name, vector)

    with replaced(platform.vectors, register=register):
        yield


DEFECT = Defect(
    breaks="an id that is registered again has the new vector",
    caught_by=("compare.replaced",),
    how=inside(change=_change),
    also=("security.*",),
)
