"""What a client wants to have read is not read."""

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
    return result.model_copy(update={"ocr": None})


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with analyzed(platform, _wrong):
        yield


DEFECT = Defect(
    breaks="text is read when the client asks for it",
    caught_by=("vision.answer_ocr", "vision.reads_a_drawing", "vision.reads_another_drawing"),
    how=inside(change=_change),
)
