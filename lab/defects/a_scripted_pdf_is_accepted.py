"""Scripts in PDFs are not looked for."""

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
    with taken_for_good(platform, Rejection.ACTIVE_CONTENT):
        yield


DEFECT = Defect(
    breaks="a PDF with a script is refused",
    caught_by=("ocr.refuses_a_script",),
    how=inside(change=_change),
)
