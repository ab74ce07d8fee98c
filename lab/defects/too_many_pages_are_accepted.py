"""The limit on pages is not kept."""

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
    with taken_for_good(platform, Rejection.TOO_MANY_PAGES):
        yield


DEFECT = Defect(
    breaks="a PDF with too many pages is refused",
    caught_by=("ocr.refuses_too_many_pages",),
    how=inside(change=_change),
)
