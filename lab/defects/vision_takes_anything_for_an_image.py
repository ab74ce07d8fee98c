"""Vision answers what is no image as a success."""

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
    if result.code != "INPUT_ERROR":
        return result
    return result.model_copy(update={"success": True, "error": None, "code": None})


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with analyzed(platform, _wrong):
        yield


DEFECT = Defect(
    breaks="what is no image is refused",
    caught_by=(
        "vision.refuses_an_empty_image",
        "vision.refuses_broken_base64",
        "vision.refuses_text",
        "vision.refuses_a_truncated_image",
        "vision.refuses_nothing",
        "vision.refuses_too_large_an_image",
        "vision.refuses_a_bomb",
    ),
    how=inside(change=_change),
    also=("metrics.counts_vision_refused_input",),
)
