"""Each recognition that a provider fails at leaves a connection open."""

from __future__ import annotations

import socket
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.errors import ProviderFaultError
    from lab.reference.schemas import OcrResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real = platform.ocr._failed  # noqa: SLF001 - a defect knows the insides
    with ExitStack() as left_open:

        def failed(fault: ProviderFaultError, started: float) -> OcrResult:
            left_open.enter_context(socket.socket())
            return real(fault, started)

        with replaced(platform.ocr, _failed=failed):
            yield


DEFECT = Defect(
    breaks="what a failure opens is closed again",
    caught_by=("chaos.provider_down_paddle.frees",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_down_paddle",
)
