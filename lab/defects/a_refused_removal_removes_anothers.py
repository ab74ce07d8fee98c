"""The removal of an id that the client does not have is a 404, and takes another client's vector of that id along."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.compare import tenant_of
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = platform.vectors.delete

    async def delete(tenant: str, name: str) -> bool:
        found = await real(tenant, name)
        if not found:
            for other in map(tenant_of, platform.settings.api_keys):
                await real(other, name)
        return found

    with replaced(platform.vectors, delete=delete):
        yield


DEFECT = Defect(
    breaks="a vector is removed by none but its client",
    caught_by=("isolation.vectors_kept_from_another_client",),
    how=inside(change=_change),
)
