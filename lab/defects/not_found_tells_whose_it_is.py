"""Who asks for a vector of another client gets his 404, and is told that it exists and whose it is."""

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.compare import StoreDownError, tenant_of
from lab.reference.errors import ApiError, Code
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.schemas import CompareResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = platform.compare.compare

    async def owner_of(candidate: str, tenant: str) -> str | None:
        with contextlib.suppress(StoreDownError):
            for other in map(tenant_of, platform.settings.api_keys):
                if other != tenant and await platform.vectors.find(other, candidate) is not None:
                    return other
        return None

    async def compare(tenant: str, query: Sequence[float], candidate: str) -> "CompareResult":
        try:
            return await real(tenant, query, candidate)
        except ApiError as error:
            owner = await owner_of(candidate, tenant) if error.code is Code.DATA_NOT_FOUND else None
            if owner is None:
                raise
            message = "this vector belongs to another client"
            raise ApiError(404, Code.DATA_NOT_FOUND, message, stage="lookup", context={"owner": owner}) from error

    with replaced(platform.compare, compare=compare):
        yield


DEFECT = Defect(
    breaks="nobody is told what others have",
    caught_by=("isolation.vectors_of_another_client",),
    how=inside(change=_change),
)
