"""The platform reaches paddle past the proxy, so that what is done to the proxy does nothing to it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    urls = dict(platform.settings.provider_urls)
    address = urlsplit(urls["paddle"])
    # The lab's proxies listen a hundred ports above what they lead to.
    urls["paddle"] = f"http://{address.hostname}:{(address.port or 0) - 100}"
    with replaced(platform.settings, provider_urls=urls):
        yield


DEFECT = Defect(
    breaks="a fault that is made is felt",
    caught_by=(),
    unclear=("chaos.provider_down_paddle.bites",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_down_paddle",
)
