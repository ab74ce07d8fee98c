"""One replica still runs with the earlier limit for images, half a mebibyte."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference import vision
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(_: "Platform") -> Iterator[None]:
    real = vision._decoded  # noqa: SLF001 - a defect is inside the platform

    def decoded(text: str, limit: int) -> bytes:
        return real(text, limit // 2)

    with replaced(vision, _decoded=decoded):
        yield


DEFECT = Defect(
    breaks="every replica takes images of up to 1 MiB",
    caught_by=("vision.takes_large_images",),
    how=inside(change=_change, replicas=("replica-3",)),
)
