"""What Postgres has no connection for never gets into the history."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    history = platform.history
    real = history.record

    def record(**entry: Any) -> None:
        # The connection that asks for a sign of life, twice a second at least: gone where Postgres refuses one.
        if history._asker is not None:  # noqa: SLF001 - a defect knows the insides
            real(**entry)

    with replaced(history, record=record):
        yield


DEFECT = Defect(
    breaks="what was answered is in the history",
    caught_by=("chaos.postgres_exhausted.kept",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="postgres_exhausted",
)
