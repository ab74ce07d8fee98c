"""The limit on the size of a file is not kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._recognition import taken_for_good
from lab.reference.errors import Rejection
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with taken_for_good(platform, Rejection.TOO_LARGE):
        yield


DEFECT = Defect(
    breaks="a file beyond the limit is refused",
    caught_by=("ocr.refuses_too_large_a_file",),
    how=inside(change=_change),
)
