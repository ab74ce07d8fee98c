"""Vision fails with HTTP 500 on what is not Base64."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._recognition import analyzed
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.schemas import VisionRequest, VisionResult
    from lab.reference.service import Platform


def _wrong(_: "VisionRequest", result: "VisionResult") -> "VisionResult":
    if result.error == "image_base64 is not Base64":
        raise ValueError(result.error)
    return result


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with analyzed(platform, _wrong):
        yield


DEFECT = Defect(
    breaks="what is not Base64 is refused",
    caught_by=("vision.refuses_broken_base64",),
    how=inside(change=_change),
    # The connection is closed with the error, and may take a neighbour with it.
    also=("vision.*",),
)
