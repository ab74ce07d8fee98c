"""A blank candidate is looked up, and not found, instead of being refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with replaced(platform.compare, _check_name=lambda *_: None):
        yield


DEFECT = Defect(
    breaks="a blank candidate is invalid",
    caught_by=("compare.blank",),
    how=inside(change=_change),
    also=("metrics.counts_compare_*",),
)
