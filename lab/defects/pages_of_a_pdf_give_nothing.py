"""The pages of a PDF are not looked at; the answer is a success."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._recognition import misread
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.engines import Reading
    from lab.reference.service import Platform


def _wrong(_provider: str, media_type: str, reading: "Reading") -> "Reading":
    if media_type != "application/pdf":
        return reading
    return reading.model_copy(update={"lines": [], "title_block": {}, "dimensions": [], "symbols": []})


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with misread(platform, _wrong):
        yield


DEFECT = Defect(
    breaks="a PDF is read like a PNG",
    caught_by=("ocr.title_block_of_a_scan", "ocr.dimensions_of_a_scan"),
    how=inside(change=_change),
)
