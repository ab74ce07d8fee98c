"""The classifier's cache forgets its oldest entry, however often that is used."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.breaking import Defect
from lab.defects._caches import remembering_with
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


class _Queue(OrderedDict[Any, Any]):
    def move_to_end(self, key: Any, last: bool = True) -> None:  # noqa: FBT001, FBT002 - as in the base class
        """Leave it where it is."""


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with remembering_with(platform, _Queue()):
        yield


DEFECT = Defect(
    breaks="the entry that was not used for the longest time goes first",
    caught_by=("classifier.eviction",),
    how=inside(change=_change),
)
