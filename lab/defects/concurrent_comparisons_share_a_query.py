"""Comparisons at the same time work on the vector that was sent last, and name their own candidate."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lab.reference.schemas import CompareResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    compare = platform.compare._compare  # noqa: SLF001 - a defect knows the insides
    latest: dict[int, Sequence[float]] = {}

    async def mixed_up(tenant: str, query: Sequence[float], candidate: str) -> CompareResult:
        latest[len(query)] = query
        await asyncio.sleep(0.02)
        return await compare(tenant, latest[len(query)], candidate)

    with replaced(platform.compare, _compare=mixed_up):
        yield


DEFECT = Defect(
    breaks="concurrent comparisons each get their own answer",
    caught_by=("isolation.concurrent_comparisons",),
    how=inside(change=_change),
    also=("compare.*", "metrics.counts_compare_*"),
)
