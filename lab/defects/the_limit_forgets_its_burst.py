"""The classifier's rate limit leaves out the burst that is allowed beyond it."""

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
    with allowance(platform, lambda _: platform.settings.classifier_rate_limit_per_min):
        yield


DEFECT = Defect(
    breaks="the burst is allowed beyond the rate limit",
    caught_by=("classifier.limit_in_force",),
    how=inside(change=_change),
)
