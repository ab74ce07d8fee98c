"""Vectors are registered for callers without a key."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._access import without_a_key
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


def _change(platform: "Platform") -> AbstractContextManager[None]:
    return without_a_key(platform, "/api/v1/vectors/register")


DEFECT = Defect(
    breaks="vectors are registered for clients alone",
    caught_by=("security.refused_requests_change_nothing",),
    how=inside(change=_change),
)
