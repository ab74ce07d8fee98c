"""The history calls every request a success, and names no provider that answered."""

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
        real(**entry | {"provider": "auto", "status": "success"})

    with replaced(platform.history, record=record):
        yield


DEFECT = Defect(
    breaks="the history says how a request ended, and who answered",
    caught_by=("dependencies.history_status", "dependencies.history_provider"),
    how=inside(change=_change),
)
