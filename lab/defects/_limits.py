"""Rate limits of the classifier that go wrong."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.tamper import replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform

Spend = Callable[[str, int], Awaitable[None]]
"""Counts so many requests of a client; raises LimitedError when it is one too many."""


@contextmanager
def allowance(platform: "Platform", change: Callable[[int], int]) -> Iterator[None]:
    """Let clients have the classifier more or less often than the configuration says."""
    healthy = platform.limiter.allowance

    def changed(service: str) -> int:
        allowed = healthy(service)
        return change(allowed) if service == "classify" else allowed

    with replaced(platform.limiter, allowance=changed):
        yield


@contextmanager
def spending(platform: "Platform", change: Callable[[Spend, str, int], Awaitable[None]]) -> Iterator[None]:
    """Count requests to the classifier in another way: `change` gets the right way, the client and the number."""
    healthy = platform.limiter.spend

    async def changed(service: str, client: str, *, cost: int = 1) -> None:
        if service != "classify":
            await healthy(service, client, cost=cost)
            return
        await change(lambda client, cost: healthy(service, client, cost=cost), client, cost)

    with replaced(platform.limiter, spend=changed):
        yield
