"""Each OCR request is in the history twice."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = platform.history.record

    def record(**entry: Any) -> None:
        real(**entry)
        real(**entry)

    with replaced(platform.history, record=record):
        yield


DEFECT = Defect(
    breaks="each OCR request is in the history once",
    caught_by=("dependencies.history_once",),
    how=inside(change=_change),
)
