"""The comparison of more than twenty numbers runs into an error."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._scores import failing
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with failing(platform, lambda query, _: 20 < len(query) < 1000):
        yield


DEFECT = Defect(
    breaks="vectors of any length are compared",
    caught_by=("compare.answered",),
    how=inside(change=_change),
    also=("compare.*",),
)
