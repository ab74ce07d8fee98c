"""OCR requests leave no trace in the history."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    def record(**_entry: object) -> None:
        """Write nothing."""

    with replaced(platform.history, record=record):
        yield


DEFECT = Defect(
    breaks="OCR requests are written to history",
    caught_by=("dependencies.history_written",),
    how=inside(change=_change),
)
