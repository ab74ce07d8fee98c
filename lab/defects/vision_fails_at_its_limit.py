"""An image that is exactly as large as vision takes makes it fail with HTTP 500."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._recognition import analyzed
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.schemas import VisionRequest, VisionResult
    from lab.reference.service import Platform

_CHARACTERS = 4 * ((1024 * 1024 + 2) // 3)
_PADDING = "=="  # one byte more has the same number of characters


def _wrong(request: "VisionRequest", result: "VisionResult") -> "VisionResult":
    text = request.image_base64 or ""
    if len(text) == _CHARACTERS and text.endswith(_PADDING):
        raise OverflowError("buffer")
    return result


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with analyzed(platform, _wrong):
        yield


DEFECT = Defect(
    breaks="an image of exactly 1 MiB is borne",
    caught_by=("vision.bears_the_largest_image",),
    how=inside(change=_change),
    # The connection is closed with the error, and may take a neighbour with it.
    also=("vision.*",),
)
