"""The limit of vision is held against the base64 text, which is a third longer than the image."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._recognition import analyzed
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.schemas import VisionRequest, VisionResult
    from lab.reference.service import Platform

_CHARACTERS_MAX = 1024 * 1024


def _wrong(request: "VisionRequest", result: "VisionResult") -> "VisionResult":
    if len(request.image_base64 or "") <= _CHARACTERS_MAX:
        return result
    refused = {"success": False, "description": None, "ocr": None, "code": "INPUT_ERROR"}
    return result.model_copy(update=refused | {"error": "the image is too large"})


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with analyzed(platform, _wrong):
        yield


DEFECT = Defect(
    breaks="an image of nearly 1 MiB is taken",
    caught_by=("vision.bears_the_largest_image",),
    how=inside(change=_change),
)
