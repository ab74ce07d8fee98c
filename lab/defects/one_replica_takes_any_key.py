"""One replica takes every key."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.compare import tenant_of
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from starlette.requests import Request

    from lab.reference.service import Platform


def _change(platform: "Platform") -> AbstractContextManager[None]:
    tenant = platform.access.tenant

    def any_key(request: "Request") -> str:
        key = request.headers.get("X-API-Key")
        return tenant_of(key) if key else tenant(request)

    return replaced(platform.access, tenant=any_key)


DEFECT = Defect(
    breaks="every replica refuses a key that nobody has",
    caught_by=("security.compare_needs_a_key",),
    how=inside(change=_change, replicas=("replica-2",)),
    also=("security.*",),
)
