"""Of OCR requests every other one is in the history, and none that was refused."""

import itertools
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
    turns = itertools.count()

    def record(**entry: Any) -> None:
        if entry["status"] == "success" and next(turns) % 2 == 0:
            real(**entry)

    with replaced(platform.history, record=record):
        yield


DEFECT = Defect(
    breaks="each OCR request is in the history",
    caught_by=("dependencies.history_once", "dependencies.history_failures"),
    how=inside(change=_change),
    also=("dependencies.history_*",),
)
