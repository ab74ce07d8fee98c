"""One of the providers succeeds and reads nothing; the one that is asked first is well."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._recognition import misread
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.engines import Reading
    from lab.reference.service import Platform


def _wrong(provider: str, _media_type: str, reading: "Reading") -> "Reading":
    if provider != "deepseek_hf":
        return reading
    return reading.model_copy(update={"lines": [], "title_block": {}, "dimensions": [], "symbols": []})


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with misread(platform, _wrong):
        yield


DEFECT = Defect(
    breaks="each provider reads drawings",
    caught_by=("ocr.read_by_deepseek_hf",),
    how=inside(change=_change),
)
