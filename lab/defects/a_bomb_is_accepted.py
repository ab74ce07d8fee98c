"""Nobody looks at how many pixels an image claims."""

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
    with taken_for_good(platform, Rejection.DECOMPRESSION_BOMB):
        yield


DEFECT = Defect(
    breaks="a decompression bomb is refused",
    caught_by=("ocr.refuses_a_bomb",),
    how=inside(change=_change),
)
