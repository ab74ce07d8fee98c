"""Who sends an Authorization header, whatever stands in it, needs no admin token."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._access import without_the_token
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


def _change(platform: "Platform") -> AbstractContextManager[None]:
    return without_the_token(platform, lambda request: "Authorization" in request.headers)


DEFECT = Defect(
    breaks="a credential of another kind does not replace the admin token",
    caught_by=("security.no_way_around_the_token",),
    how=inside(change=_change),
)
