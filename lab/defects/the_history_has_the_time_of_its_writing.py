"""Rows of the history have the time at which Postgres took them, and not that of the request."""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference import history
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.history import Entry
    from lab.reference.service import Platform


@contextmanager
def _change(_: Platform) -> Iterator[None]:
    def astuple(entry: Entry) -> tuple[object, ...]:
        return dataclasses.astuple(dataclasses.replace(entry, created_at=datetime.now(UTC)))

    with replaced(history, astuple=astuple):
        yield


DEFECT = Defect(
    breaks="the history has each request at the time at which it was asked",
    caught_by=("chaos.postgres_killed.dated",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="postgres_killed",
)
