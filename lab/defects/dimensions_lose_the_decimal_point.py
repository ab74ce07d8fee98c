"""The decimal point of dimensions is lost."""

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
    shifted = [one | {"value": float(str(one["value"]).replace(".", ""))} for one in reading.dimensions]
    return reading.model_copy(update={"dimensions": shifted})


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with misread(platform, _wrong):
        yield


DEFECT = Defect(
    breaks="dimensions are read to the last digit",
    caught_by=(
        "ocr.dimensions",
        "ocr.dimensions_of_another",
        "ocr.dimensions_of_a_scan",
        "ocr.read_by_paddle",
        "ocr.read_by_deepseek_hf",
    ),
    how=inside(change=_change),
)
