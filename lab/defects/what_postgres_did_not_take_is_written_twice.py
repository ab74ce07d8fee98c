"""What Postgres did not take is put into the queue again, and tried again besides."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.history import Entry
    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    kept = platform.history
    real = kept._next_batch  # noqa: SLF001 - a defect knows the insides

    async def next_batch() -> list[Entry]:
        batch = await real()
        # The connection that asks for a sign of life: gone where Postgres is.
        if kept._asker is None:  # noqa: SLF001 - as above
            for entry in batch:
                kept._queue.put_nowait(entry)  # noqa: SLF001 - as above
        return batch

    with replaced(kept, _next_batch=next_batch):
        yield


DEFECT = Defect(
    breaks="what Postgres could not take at once is in the history once",
    caught_by=("chaos.postgres_killed.dated",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="postgres_killed",
)
