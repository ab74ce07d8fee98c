"""Runs the commands of levers: argument lists, bounded in time and output, and marked so that they can be found.

Each runs in a session of its own, with a variable in its environment that says which record of the ledger it belongs
to and which process leads it. So whoever takes the fault back finds a command whose runner was killed, and tells it
from what the command has started to stay (a service that it restarted has the variable, too, but leads nothing).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psutil

from selfcheck.waiting import GaveUp, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MARKER: Final = "SELFCHECK_CHAOS_COMMAND"
"""Environment variable of each command: `<mark of the record>:<process id of the command>`."""

_OUTPUT_BYTES_MAX: Final = 2000
"""The end of what a command prints is kept; the rest is read and forgotten."""
_CHUNKS_A_LOOK: Final = 64
_CHUNK_BYTES: Final = 65_536
_END_SECONDS: Final = 2.0
_KILL_SECONDS: Final = 5.0
_NOT_STARTED: Final = 127

# Writes its own id into the environment, then becomes the command: the id stays.
_BECOME: Final = f"""
import os, sys
os.environ[{MARKER!r}] += f":{{os.getpid()}}"
try:
    os.execvp(sys.argv[1], sys.argv[1:])
except OSError as error:
    print(error)
    sys.exit({_NOT_STARTED})
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended: its exit code, None when it took too long and was ended, and the end of its output."""

    words: str
    code: int | None
    output: str

    @property
    def sentence(self) -> str:
        """How it ended, in words."""
        how = "took too long and was ended" if self.code is None else f"ended with {self.code}"
        output = " ".join(self.output.split())
        return f"`{self.words}` {how}{f': {output}' if output else ''}"


def resolved(command: Sequence[str]) -> list[str]:
    """The argument list with `{python}` replaced by this interpreter."""
    return [sys.executable if word == "{python}" else word for word in command]


def run(command: Sequence[str], *, mark: str, environment: Mapping[str, str], timeout_seconds: float) -> Ran:
    """Run a command to its end, or end it and its session when it takes too long."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _BECOME, *resolved(command)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**environment, MARKER: mark},
        start_new_session=True,
    )
    assert process.stdout is not None
    handle = process.stdout.fileno()
    os.set_blocking(handle, False)  # what the command leaves running may keep the pipe open for ever
    output = bytearray()

    def ended() -> bool:
        is_over = process.poll() is not None
        with suppress(BlockingIOError):
            for _ in range(_CHUNKS_A_LOOK):
                chunk = os.read(handle, _CHUNK_BYTES)
                if not chunk:
                    break
                output.extend(chunk)
                del output[:-_OUTPUT_BYTES_MAX]
        return is_over

    try:
        wait_until(ended, timeout_seconds=timeout_seconds, what="a command to end", interval_seconds=0.02)
    except GaveUp:
        pass
    finally:
        code = process.poll()
        if code is None:
            _kill_session(process.pid)
            process.wait(_KILL_SECONDS)
        process.stdout.close()
    return Ran(" ".join(command), code, output.decode("utf-8", "replace"))


def unfinished(mark: str) -> tuple[psutil.Process, ...]:
    """Give the commands of a record that still run, whoever started them."""
    return tuple(_leading(mark))


def end_unfinished(mark: str, *, patience_seconds: float) -> str:
    """Wait for the commands of a record that still run, then end them; gives what was done, empty for nothing."""
    found = unfinished(mark)
    if not found:
        return ""
    _, late = psutil.wait_procs(found, timeout=patience_seconds)
    for process in late:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGTERM)
    _, stubborn = psutil.wait_procs(late, timeout=_END_SECONDS)
    for process in stubborn:
        _kill_session(process.pid)
    psutil.wait_procs(stubborn, timeout=_KILL_SECONDS)
    return f"ended its command, which still ran (process {late[0].pid})" if late else "waited for its command to end"


def _leading(mark: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            value = process.environ().get(MARKER, "")
            # Without an id it is just about to become the command.
            if value in {mark, f"{mark}:{process.pid}"} and process.status() != psutil.STATUS_ZOMBIE:
                yield process


def _kill_session(leader: int) -> None:
    """Kill the process group that a command leads; its id cannot be anybody else's while one of its members lives."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
