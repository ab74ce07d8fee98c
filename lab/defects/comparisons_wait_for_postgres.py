"""Comparisons are refused while Postgres is away, with which they have nothing to do."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.breaking import Defect
from lab.reference.errors import ApiError, Code
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.schemas import CompareResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real = platform.compare.compare

    async def compare(*given: Any, **named: Any) -> CompareResult:
        # The connection that asks for a sign of life: gone where Postgres is.
        if platform.history._asker is None:  # noqa: SLF001 - a defect knows the insides
            raise ApiError(503, Code.EXTERNAL_SERVICE_ERROR, "the database does not answer")
        return await real(*given, **named)

    with replaced(platform.compare, compare=compare):
        yield


DEFECT = Defect(
    breaks="what does not need Postgres goes on without it",
    caught_by=("chaos.postgres_killed.holds",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="postgres_killed",
)
