"""The classifier's cache, once full, forgets what came last."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.breaking import Defect
from lab.defects._caches import remembering_with
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


class _Stack(OrderedDict[Any, Any]):
    def popitem(self, last: bool = True) -> tuple[Any, Any]:  # noqa: FBT001, FBT002 - as in the base class
        """Take it from the wrong end."""
        return super().popitem(not last)


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with remembering_with(platform, _Stack()):
        yield


DEFECT = Defect(
    breaks="the entry that was not used for the longest time goes first",
    caught_by=("classifier.eviction",),
    how=inside(change=_change),
    also=("classifier.known_is_cached", "classifier.statistics_move", "isolation.*"),
)
