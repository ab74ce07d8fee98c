"""The health of the providers is shown to callers without a key."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._access import without_a_key
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


def _change(platform: "Platform") -> AbstractContextManager[None]:
    return without_a_key(platform, "/api/v1/providers/health")


DEFECT = Defect(
    breaks="the health of the providers needs a key",
    caught_by=("security.providers_health_needs_a_key",),
    how=inside(change=_change),
    also=("security.no_way_around_the_key",),
)
