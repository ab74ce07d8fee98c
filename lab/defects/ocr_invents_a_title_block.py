"""OCR fills in what such drawings usually have where it finds nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._recognition import misread
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.engines import Reading
    from lab.reference.service import Platform


def _wrong(_provider: str, _media_type: str, reading: "Reading") -> "Reading":
    if reading.lines:
        return reading
    return reading.model_copy(update={"title_block": {"title": "PART", "scale": "1:1"}})


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with misread(platform, _wrong):
        yield


DEFECT = Defect(
    breaks="nothing is read where nothing is",
    caught_by=("ocr.nothing_in_a_blank_page", "ocr.nothing_in_noise"),
    how=inside(change=_change),
)
