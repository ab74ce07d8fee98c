"""Vision builds the text that it read inside the branch of the description: without a description there is no text."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._recognition import analyzed
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.schemas import VisionRequest, VisionResult
    from lab.reference.service import Platform


def _wrong(request: "VisionRequest", result: "VisionResult") -> "VisionResult":
    return result if request.include_description else result.model_copy(update={"ocr": None})


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with analyzed(platform, _wrong):
        yield


DEFECT = Defect(
    breaks="text is given when it was asked for, also without a description",
    caught_by=("vision.reads_without_a_description",),
    how=inside(change=_change),
)
