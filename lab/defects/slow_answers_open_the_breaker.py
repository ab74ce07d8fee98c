"""An answer that takes more than a second counts as a failure of the provider, although it comes in time."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.errors import Code, ProviderFaultError, Stage
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.service import Platform


_PATIENCE_SECONDS = 1.0


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real = platform.engines._send  # noqa: SLF001 - a defect knows the insides

    async def send(provider: str, url: str, content: bytes, media_type: str) -> tuple[int, bytes]:
        started = time.monotonic()
        answer = await real(provider, url, content, media_type)
        if time.monotonic() - started > _PATIENCE_SECONDS:
            raise ProviderFaultError(provider, Code.PROVIDER_TIMEOUT, Stage.INFER, "it took long")
        return answer

    with replaced(platform.engines, _send=send):
        yield
    platform.breakers.reset("paddle")


DEFECT = Defect(
    breaks="a provider that answers in time is no failure",
    caught_by=("chaos.provider_latency_below_paddle.stays_closed", "chaos.provider_latency_below_paddle.served"),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_latency_below_paddle",
)
