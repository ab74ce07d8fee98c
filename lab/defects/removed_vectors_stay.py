"""Removing a vector is confirmed and does nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    async def delete(tenant: str, name: str) -> bool:
        del tenant, name
        return True

    with replaced(platform.vectors, delete=delete):
        yield


DEFECT = Defect(
    breaks="a removed vector is unknown",
    caught_by=("compare.removal",),
    how=inside(change=_change),
)
