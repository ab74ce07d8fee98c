"""A vector of very many numbers is too much for the comparison."""

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
    with failing(platform, lambda query, _: len(query) > 10_000):
        yield


DEFECT = Defect(
    breaks="a vector that is far too long is refused",
    caught_by=("compare.far_too_long",),
    how=inside(change=_change),
    also=("compare.*",),
)
