"""The reset of a circuit breaker takes an API key in place of the admin token."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._access import without_the_token
from lab.tamper import inside

if TYPE_CHECKING:
    from starlette.requests import Request

    from lab.reference.service import Platform


def _change(platform: "Platform") -> AbstractContextManager[None]:
    def is_user(request: "Request") -> bool:
        key = request.headers.get("X-API-Key", "")
        return request.url.path.startswith("/admin/") and key in platform.settings.api_keys

    return without_the_token(platform, is_user)


DEFECT = Defect(
    breaks="users do not reset breakers",
    caught_by=("security.reset_needs_the_token",),
    how=inside(change=_change),
)
