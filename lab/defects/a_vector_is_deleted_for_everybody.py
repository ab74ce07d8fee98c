"""Deleting a vector deletes those of all clients under that id."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.compare import tenant_of
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    delete = platform.vectors.delete
    tenants = [tenant_of(key) for key in platform.settings.api_keys]

    async def delete_for_all(tenant: str, name: str) -> bool:
        found = {each: await delete(each, name) for each in tenants}
        return found[tenant]

    with replaced(platform.vectors, delete=delete_for_all):
        yield


DEFECT = Defect(
    breaks="nobody deletes a vector of another client",
    caught_by=("isolation.vectors_kept_from_another_client",),
    how=inside(change=_change),
)
