"""Vision takes images that are twice as large as promised."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with replaced(platform.settings, vision_max_image_bytes=2 * 1024 * 1024):
        yield


DEFECT = Defect(
    breaks="an image of more than 1 MiB is refused",
    caught_by=("vision.refuses_too_large_an_image",),
    how=inside(change=_change),
    also=("metrics.counts_vision_refused_input",),
)
