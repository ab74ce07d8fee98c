"""One replica runs an old version, which scores a little lower."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._scores import rescored
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with rescored(platform, lambda of: of.score - 1e-3):
        yield


DEFECT = Defect(
    breaks="every replica gives the same score",
    caught_by=("compare.replicas_agree",),
    how=inside(change=_change, replicas=("replica-2",)),
    also=("compare.*",),
)
