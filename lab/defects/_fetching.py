"""Fetching images from where nothing should be fetched, for the defects of security."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lab.reference import fetch
from lab.tamper import replaced


@contextmanager
def trusting(trusts: Callable[[str], bool]) -> Iterator[None]:
    """Take some hosts for public ones, as they stand in the URL."""
    careful = fetch._public_address  # noqa: SLF001 - the place where the decision is made

    async def careless(host: str, port: int) -> str:
        return host if trusts(host) else await careful(host, port)

    with replaced(fetch, _public_address=careless):
        yield
