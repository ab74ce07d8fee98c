"""One OCR request in three never gets into the history."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real = platform.history.record
    turns = itertools.count(1)

    def record(**entry: Any) -> None:
        if next(turns) % 3:
            real(**entry)

    with replaced(platform.history, record=record):
        yield


DEFECT = Defect(
    breaks="what was answered is in the history",
    caught_by=("chaos.postgres_slow.kept",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="postgres_slow",
)
