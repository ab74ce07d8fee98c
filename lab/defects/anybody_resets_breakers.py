"""The reset of a circuit breaker takes any token, and none."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._access import without_the_token
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


def _change(platform: "Platform") -> AbstractContextManager[None]:
    return without_the_token(platform, lambda request: request.url.path.startswith("/admin/"))


DEFECT = Defect(
    breaks="only administrators reset breakers",
    caught_by=("security.reset_needs_the_token",),
    how=inside(change=_change),
)
