"""One replica has lost its way to what the engines say: it succeeds, and reads nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.breaking import Defect
from lab.defects._recognition import misread, misseen
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.engines import Insight, Reading
    from lab.reference.service import Platform

_NOTHING: dict[str, Any] = {"lines": [], "title_block": {}, "dimensions": [], "symbols": []}


def _unread(_provider: str, _media_type: str, reading: "Reading") -> "Reading":
    return reading.model_copy(update=_NOTHING)


def _unseen(insight: "Insight") -> "Insight":
    return insight.model_copy(update=_NOTHING)


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with misread(platform, _unread), misseen(platform, _unseen):
        yield


DEFECT = Defect(
    breaks="every replica reads drawings",
    caught_by=("ocr.title_block", "ocr.dimensions", "vision.reads_a_drawing"),
    how=inside(change=_change, replicas=("replica-2",)),
    also=("ocr.*", "vision.*"),
)
