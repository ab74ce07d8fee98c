"""Long entries of the title block are cut."""

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
    short = {key: value[:5] for key, value in reading.title_block.items()}
    return reading.model_copy(update={"title_block": short})


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with misread(platform, _wrong):
        yield


DEFECT = Defect(
    breaks="the title block is read",
    caught_by=(
        "ocr.title_block",
        "ocr.title_block_of_another",
        "ocr.title_block_of_a_scan",
        "ocr.read_by_paddle",
        "ocr.read_by_deepseek_hf",
    ),
    how=inside(change=_change),
)
