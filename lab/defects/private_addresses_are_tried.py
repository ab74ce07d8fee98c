"""Vision refuses loopback addresses alone; private ones it tries, and says that the network failed."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lab.breaking import Defect
from lab.reference import vision
from lab.reference.errors import Code, ProviderFaultError, Stage
from lab.reference.fetch import fetch_image
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


async def _careless(url: str, *, timeout_seconds: float, max_bytes: int) -> bytes:
    """Say of a private address what would be said after an attempt; none is made."""
    if (urlsplit(url).hostname or "").startswith("10."):
        message = "the image cannot be fetched: no route to host"
        raise ProviderFaultError("vision", Code.NETWORK_ERROR, Stage.LOAD, message, reached=False)
    return await fetch_image(url, timeout_seconds=timeout_seconds, max_bytes=max_bytes)


def _change(_: "Platform") -> AbstractContextManager[None]:
    return replaced(vision, fetch_image=_careless)


DEFECT = Defect(
    breaks="vision does not go to the platform's neighbours",
    caught_by=("security.vision_fetches_nothing_inside",),
    how=inside(change=_change),
)
