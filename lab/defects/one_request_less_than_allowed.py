"""A client may ask the classifier once less than the configuration says."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._limits import allowance
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with allowance(platform, lambda allowed: allowed - 1):
        yield


DEFECT = Defect(
    breaks="the rate limit in force is the configured one",
    caught_by=("classifier.limit_in_force",),
    how=inside(change=_change),
)
