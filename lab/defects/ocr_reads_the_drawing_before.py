"""OCR answers with what it read in the drawing before: two requests share a variable."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._recognition import misread
from lab.reference.engines import Reading
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    kept = [Reading(confidence=0.0)]

    def before(_provider: str, _media_type: str, reading: Reading) -> Reading:
        kept.append(reading)
        return kept.pop(0)

    with misread(platform, before):
        yield


DEFECT = Defect(
    breaks="a drawing is answered with its own title block and dimensions",
    caught_by=("ocr.title_block_of_another", "ocr.dimensions_of_another"),
    how=inside(change=_change),
    also=("ocr.*",),
)
