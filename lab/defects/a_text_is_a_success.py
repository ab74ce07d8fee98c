"""A text file is answered as a success with nothing in it, whatever it is called."""

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
    with taken_for_good(platform, Rejection.UNSUPPORTED_TYPE):
        yield


DEFECT = Defect(
    breaks="what is no drawing is refused",
    caught_by=("ocr.refuses_text", "ocr.refuses_text_named_png"),
    how=inside(change=_change),
    also=("metrics.counts_ocr_refused_input",),
)
