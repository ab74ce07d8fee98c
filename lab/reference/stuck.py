"""A replica that is alive and does nothing: its thread is stuck, as on a lock that nobody releases.

To its kernel and to whoever looks at the process it runs; only asking it shows that it does not answer. For
experiments: SIGUSR1 makes it so, SIGUSR2 lets it go on (`python -m lab part stick replica-2`).
"""

import signal
import time
from types import FrameType

_LOOKS_SECONDS = 0.05

_held = False


def _hold(_: int, __: FrameType | None) -> None:
    global _held  # noqa: PLW0603 - a signal handler has nothing else to keep it in
    if _held:
        return
    _held = True
    # Handlers run in the thread of the event loop: nothing else is done until the other signal comes.
    while _held:
        time.sleep(_LOOKS_SECONDS)


def _let_go(_: int, __: FrameType | None) -> None:
    global _held  # noqa: PLW0603 - likewise
    _held = False


def heed_signals() -> None:
    """Get stuck on SIGUSR1, until SIGUSR2."""
    signal.signal(signal.SIGUSR1, _hold)
    signal.signal(signal.SIGUSR2, _let_go)
