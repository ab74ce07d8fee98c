"""Readiness and health call Redis down only when it refuses: one that does not answer in time counts as up."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = platform.health._ask_redis  # noqa: SLF001 - a defect is inside the platform

    async def ask_redis() -> tuple[bool, str]:
        up, detail = await real()
        # The detail is the name of the error, and that of the driver has the same name as Python's own.
        return (True, "answered PING") if detail == "TimeoutError" else (up, detail)

    with replaced(platform.health, _ask_redis=ask_redis):
        yield


DEFECT = Defect(
    breaks="readiness tells that Redis is away also when it does not answer",
    caught_by=("chaos.redis_frozen.told",),
    how=inside(change=_change),
    chaos="redis_frozen",
)
