"""A replica that is told to end does so at once: requests that it has are never answered."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.service import Platform


@contextmanager
def _change(_: Platform) -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


DEFECT = Defect(
    breaks="no request is lost in a rollout",
    caught_by=("chaos.provider_down_during_a_rollout.lost",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_down_during_a_rollout",
)
