"""OCR fails with HTTP 500 on an image that breaks off."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._recognition import misunderstood
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.ocr import OcrRequest
    from lab.reference.service import Platform


def _fails(request: "OcrRequest") -> "OcrRequest":
    if request.content.startswith(b"\x89PNG") and b"IEND" not in request.content:
        raise EOFError("image file is truncated")
    return request


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with misunderstood(platform, _fails):
        yield


DEFECT = Defect(
    breaks="an image that breaks off is refused",
    caught_by=("ocr.refuses_a_truncated_png",),
    how=inside(change=_change),
    # The connection is closed with the error, and may take a neighbour with it.
    also=("ocr.*",),
)
