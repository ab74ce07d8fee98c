"""Every client compares with, replaces and deletes the vectors of all."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    find, register, delete = platform.vectors.find, platform.vectors.register, platform.vectors.delete

    async def find_any(_: str, name: str) -> list[float] | None:
        return await find("everybody", name)

    async def register_for_all(_: str, name: str, vector: Sequence[float]) -> None:
        await register("everybody", name, vector)

    async def delete_for_all(_: str, name: str) -> bool:
        return await delete("everybody", name)

    with replaced(platform.vectors, find=find_any, register=register_for_all, delete=delete_for_all):
        yield


DEFECT = Defect(
    breaks="the vectors of two clients are apart",
    caught_by=("isolation.vectors_of_another_client", "isolation.vectors_kept_from_another_client"),
    how=inside(change=_change),
    also=("compare.*", "security.*"),
)
