"""One replica forgets every classification at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with replaced(platform.classifier, _keep=lambda *_: None):
        yield


DEFECT = Defect(
    breaks="a file that was classified before is answered from the cache",
    caught_by=("classifier.known_is_cached", "classifier.statistics_move"),
    how=inside(change=_change, replicas=("replica-2",)),
    also=("classifier.eviction",),
)
