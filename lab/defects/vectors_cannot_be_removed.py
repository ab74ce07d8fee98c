"""The vector store takes vectors and cannot remove one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.compare import StoreDownError
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    async def delete(tenant: str, name: str) -> bool:
        message = f"{name} of {tenant} cannot be removed"
        raise StoreDownError(message)

    with replaced(platform.vectors, delete=delete):
        yield


DEFECT = Defect(
    breaks="what was registered can be removed",
    caught_by=("compare.removal",),
    how=inside(change=_change),
)
