"""Noticing that whoever started this process is gone, so that it does not stay behind alone."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import stat

_SET_DEATH_SIGNAL = 1


def with_parent(parent: int) -> None:
    """Let the system end this process when its parent, which has this id, ends; where it can (Linux)."""
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:  # it had ended before the system was told
        raise SystemExit(1)


def is_pipe(handle: int) -> bool:
    """Tell whether a file handle is a pipe: its end says that the other side is gone, that of a file does not."""
    try:
        return stat.S_ISFIFO(os.fstat(handle).st_mode)
    except OSError:
        return False
