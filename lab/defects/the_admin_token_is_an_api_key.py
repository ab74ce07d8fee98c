"""The admin token is accepted in place of an API key."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.compare import tenant_of
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from starlette.requests import Request

    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = platform.access.tenant

    def tenant(request: "Request") -> str:
        if request.headers.get("X-API-Key") == platform.settings.admin_token:
            return tenant_of(platform.settings.api_keys[0])
        return real(request)

    with replaced(platform.access, tenant=tenant):
        yield


DEFECT = Defect(
    breaks="the admin token is no API key",
    caught_by=("security.administrators_are_no_users",),
    how=inside(change=_change),
)
