"""Whoever has an API key need not have the admin token."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._access import without_the_token
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


def _change(platform: "Platform") -> AbstractContextManager[None]:
    return without_the_token(platform, lambda request: request.headers.get("X-API-Key") in platform.settings.api_keys)


DEFECT = Defect(
    breaks="users are no administrators",
    caught_by=("security.users_are_no_administrators",),
    how=inside(change=_change),
)
