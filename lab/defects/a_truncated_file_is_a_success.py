"""A file that breaks off is answered as a success with nothing in it."""

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
    with taken_for_good(platform, Rejection.TRUNCATED):
        yield


DEFECT = Defect(
    breaks="a file that breaks off is refused",
    caught_by=("ocr.refuses_a_truncated_png", "ocr.refuses_a_truncated_pdf"),
    how=inside(change=_change),
)
