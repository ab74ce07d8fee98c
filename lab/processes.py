"""Processes of a lab: started so that they survive the terminal, recorded so that they can always be ended.

Two ways lead from a lab to its processes: the state file, written as each one starts (process id and start time, so
that a reused id is never mistaken), and a marker in the environment that every process of the lab inherits. The marker
finds what a killed `up` had started and had no time to write down.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil
from filelock import FileLock

from selfcheck.waiting import GaveUp, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

MARKER: Final = "CAD_LAB_DIRECTORY"
"""Environment variable of every process of a lab: the absolute path of the lab's directory."""

_START_TIME_TOLERANCE_SECONDS: Final = 2.0
_KILL_TIMEOUT_SECONDS: Final = 5.0
_LOCK_TIMEOUT_SECONDS: Final = 10.0

# Children of this very process, and how those ended that have been looked at since.
_children: dict[int, subprocess.Popen[bytes]] = {}
_exit_codes: dict[int, int] = {}


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a started process.

    Its id, its start time as psutil gives it, when it was started (Unix seconds), and a fingerprint of what it was
    started with.
    """

    pid: int
    created: float
    started_at: float
    fingerprint: str

    def process(self) -> psutil.Process | None:
        """Give the process, None when it is gone (also when its id now belongs to another one)."""
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.created) > _START_TIME_TOLERANCE_SECONDS:
                return None
        except psutil.Error:
            return None
        return process if is_alive(process) else None


@dataclass(slots=True)
class State:
    """Everything about a lab that outlives a command: its options, its processes and what is broken on purpose."""

    options: dict[str, Any] = field(default_factory=dict)
    processes: dict[str, Record] = field(default_factory=dict)
    overrides: dict[str, dict[str, str]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


class StateFile:
    """The lab's state on disk. Every change is read, made and written as one, by rename, also among processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FileLock(path.with_name(f"{path.name}.lock"), timeout=_LOCK_TIMEOUT_SECONDS)

    def read(self) -> State:
        """Read the state; an empty one when there is no file."""
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return State()
        return State(
            options=content["options"],
            processes={name: Record(**record) for name, record in content["processes"].items()},
            overrides=content["overrides"],
            broken=content["broken"],
        )

    @contextmanager
    def change(self) -> Iterator[State]:
        """Change the state within the `with` block; it is written when the block ends without an error."""
        with self._lock:
            state = self.read()
            yield state
            write_private(self.path, json.dumps(asdict(state), indent=1))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, by rename: readers see the old or the new text, never half of one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    temporary.replace(path)


@dataclass(frozen=True, slots=True)
class User:
    """The user that a process is to run as."""

    uid: int
    gid: int


def start(
    command: Sequence[str],
    *,
    directory: Path,
    environment: Mapping[str, str],
    log: Path,
    working_folder: Path,
    user: User | None = None,
) -> psutil.Process:
    """Start a process of the lab in a session of its own; its output goes to `log`, whose predecessor is kept as `.1`.

    The process gets no more of our environment than it needs: no credentials, no proxy settings.
    """
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    with log.open("wb") as output:
        child = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=working_folder,
            env=base_environment(directory) | dict(environment),
            start_new_session=True,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
        )
    _children[child.pid] = child
    process = psutil.Process(child.pid)
    # Whoever ends it, it must not stay as a zombie: Postgres does not start again while the one before seems to run.
    threading.Thread(target=child.wait, name=f"lab: waits for {child.pid}", daemon=True).start()
    return process


def run(
    command: Sequence[str],
    *,
    directory: Path,
    log: Path,
    working_folder: Path,
    user: User | None = None,
    timeout_seconds: float,
) -> None:
    """Run a program of the lab to its end; like `start`, so that it is found and ended when we are killed meanwhile.

    Raises ProgramFailedError with the end of its output, GaveUp when it takes too long.
    """
    process = start(command, directory=directory, environment={}, log=log, working_folder=working_folder, user=user)
    child = _children[process.pid]
    name = Path(command[0]).name
    try:
        code = wait_until(
            lambda: None if (ended := child.poll()) is None else (ended,),
            timeout_seconds=timeout_seconds,
            what=f"{name} to end",
            interval_seconds=0.02,
        )[0]
    except BaseException:
        end([process], signals={}, timeout_seconds=1)
        raise
    if code != 0:
        message = f"{name} {exit_status(process)}:\n{tail(log)}"
        raise ProgramFailedError(message)


class ProgramFailedError(Exception):
    """A program of the lab failed; the text has the end of its output."""


def tail(log: Path, lines: int = 15) -> str:
    """Give the last lines of a log."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return "(no log)"
    return "\n".join(text.splitlines()[-lines:]) or "(the log is empty)"


def base_environment(directory: Path) -> dict[str, str]:
    """Give the environment that every process of the lab in `directory` has."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    return {"PYTHONUNBUFFERED": "1", **kept, MARKER: str(directory)}


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process runs (or is paused). One that has ended and was not waited for yet does not."""
    if child := _children.get(process.pid):
        if child.poll() is None:
            return True
        _exit_codes[process.pid] = child.returncode
        _children.pop(process.pid, None)
        return False
    try:
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def collect() -> None:
    """Take note of the children of ours that have ended by themselves."""
    for child in list(_children.values()):
        if child.poll() is not None:
            _exit_codes[child.pid] = child.returncode
            _children.pop(child.pid, None)


def exit_status(process: psutil.Process) -> str:
    """Say how a child of ours ended."""
    is_alive(process)  # collects the code
    code = _exit_codes.get(process.pid)
    if code is None:
        return "ended"
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def marked(directory: Path) -> list[psutil.Process]:
    """Find every process that carries the marker of the lab in `directory`."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARKER) == str(directory):
                found.append(process)
    return found


def marked_directory(pid: int) -> str | None:
    """Give the directory of the lab that a process belongs to, None when it belongs to none or cannot be asked."""
    with suppress(psutil.Error, OSError):
        return psutil.Process(pid).environ().get(MARKER)
    return None


def family(process: psutil.Process) -> list[psutil.Process]:
    """Give a process and all its descendants."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return [process]


def end(processes: Iterable[psutil.Process], *, signals: Mapping[int, signal.Signals], timeout_seconds: float) -> None:
    """End processes and their descendants.

    First a polite signal (SIGTERM unless `signals` has another for the process id), then SIGKILL for what is left after
    `timeout_seconds`. Paused ones are resumed so that they can hear.

    Raises GaveUp when even SIGKILL did not end one.
    """
    asked = list(processes)
    everyone = {member.pid: member for process in asked for member in family(process)}
    for process in asked:
        send(process, signals.get(process.pid, signal.SIGTERM))
    for process in everyone.values():
        send(process, signal.SIGCONT)

    def all_gone() -> bool:
        return not any(is_alive(process) for process in everyone.values())

    try:
        wait_until(all_gone, timeout_seconds=timeout_seconds, what="processes to end", interval_seconds=0.02)
    except GaveUp:
        for process in everyone.values():
            send(process, signal.SIGKILL)
        names = ", ".join(str(pid) for pid in everyone)
        what = f"the killed processes {names} to be gone"
        wait_until(all_gone, timeout_seconds=_KILL_TIMEOUT_SECONDS, what=what, interval_seconds=0.02)


def send(process: psutil.Process, number: signal.Signals) -> None:
    """Send a signal to a process; one that is gone needs none. psutil refuses when the id belongs to another one."""
    with suppress(psutil.NoSuchProcess):
        if is_alive(process):
            process.send_signal(number)


def record_of(process: psutil.Process, fingerprint: str) -> Record:
    """Make the record of a process that was started just now."""
    return Record(process.pid, process.create_time(), time.time(), fingerprint)
