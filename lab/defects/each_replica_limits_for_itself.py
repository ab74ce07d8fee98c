"""Each replica counts for itself how often a client asks: it gets three times the allowance."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with replaced(platform.limiter, _shared=None):
        yield


DEFECT = Defect(
    breaks="there is one allowance for a client, and not one for each replica",
    caught_by=("classifier.limit_of_all_replicas",),
    how=inside(change=_change),
)
