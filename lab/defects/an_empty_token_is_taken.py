"""An empty admin token is taken for none, and none is asked for."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._access import without_the_token
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


def _change(platform: "Platform") -> AbstractContextManager[None]:
    return without_the_token(platform, lambda request: request.headers.get("X-Admin-Token") == "")


DEFECT = Defect(
    breaks="an empty admin token is no admin token",
    caught_by=("security.cache_needs_the_token",),
    how=inside(change=_change),
)
