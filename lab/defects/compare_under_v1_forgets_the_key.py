"""Comparison under the versioned API is served to callers without a key."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._access import without_a_key
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


def _change(platform: "Platform") -> AbstractContextManager[None]:
    return without_a_key(platform, "/api/v1/compare")


DEFECT = Defect(
    breaks="every comparison needs a key",
    caught_by=("security.compare_v1_needs_a_key",),
    how=inside(change=_change),
)
