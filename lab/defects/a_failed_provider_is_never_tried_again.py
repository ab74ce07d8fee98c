"""A provider that was away once is not asked any more."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.errors import Code, ProviderFaultError, Stage
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real = platform.engines._send  # noqa: SLF001 - a defect knows the insides
    given_up: set[str] = set()

    async def send(provider: str, url: str, content: bytes, media_type: str) -> tuple[int, bytes]:
        if provider in given_up:
            raise ProviderFaultError(provider, Code.PROVIDER_DOWN, Stage.INIT, "it was away")
        try:
            return await real(provider, url, content, media_type)
        except ProviderFaultError as fault:
            if fault.code == Code.NETWORK_ERROR:
                given_up.add(provider)
            raise

    with replaced(platform.engines, _send=send):
        yield
    platform.breakers.reset("deepseek_hf")


DEFECT = Defect(
    breaks="a provider is used again once it is back",
    caught_by=("chaos.provider_reset.recovers",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_reset",
)
