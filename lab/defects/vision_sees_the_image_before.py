"""Vision answers with what it read in the image before: two requests share a variable."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._recognition import misseen
from lab.reference.engines import Insight
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    kept = [Insight(confidence=0.0, summary="Nothing was seen so far.")]

    def before(insight: Insight) -> Insight:
        kept.append(insight)
        return kept.pop(0)

    with misseen(platform, before):
        yield


DEFECT = Defect(
    breaks="an image is answered with its own text",
    caught_by=("vision.reads_another_drawing",),
    how=inside(change=_change),
    also=("vision.*",),
)
