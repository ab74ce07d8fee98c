"""Dimensions are rounded to one decimal, which most drawings do not show."""

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
    rounded = [one | {"value": round(one["value"] - 0.01, 1)} for one in reading.dimensions]
    return reading.model_copy(update={"dimensions": rounded})


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
