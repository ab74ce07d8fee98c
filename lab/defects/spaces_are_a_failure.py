"""A candidate of spaces makes the comparison fail."""

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
    with failing(platform, lambda _, candidate: candidate.isspace()):
        yield


DEFECT = Defect(
    breaks="a candidate of spaces is refused",
    caught_by=("compare.spaces",),
    how=inside(change=_change),
    also=("compare.*",),
)
