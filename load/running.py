"""Starting the generator and following it until its record is there, whatever happens in between."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from load import plan as plans
from load import record as records
from load.observing import RECORD_FILE
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.waiting import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TextIO

    from load.plan import Plan
    from load.record import Record

_ROOT = Path(__file__).resolve().parent.parent
PLAN_FILE = "plan.json"
LOG_FILE = "generator.log"
_START_SECONDS = 60.0
"""What the processes of the generator may take to start."""
_END_SECONDS = 20.0
"""What they may take to end and to write the record once they are told to."""
_LOOK_SECONDS = 0.5
_LOG_TAIL_CHARACTERS = 400


def generate(
    plan: Plan,
    folder: Path,
    environment: Mapping[str, str],
    deadline: Deadline,
    show: Callable[[dict[str, Any]], None],
    ends: threading.Event | None = None,
) -> tuple[Record, BaseException | None]:
    """Generate the load of a plan in processes of its own; gives the record, and what ended the run before its time.

    `environment` has the settings, secrets included; they go nowhere else. `show` is called with the progress once a
    second. An interruption, or the deadline, ends the generator first and is handed back with the record of what was
    done until then. So does `ends`, once it is set, by whoever runs this in a thread; nothing is handed back then.
    Raises CouldNotObserve when there is no record.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record_path, log_path = folder / RECORD_FILE, folder / LOG_FILE
    record_path.unlink(missing_ok=True)  # that of an earlier run is not this one's
    plans.write(plan, folder / PLAN_FILE)
    command = [sys.executable, "-m", "load.engine", str(folder / PLAN_FILE), str(record_path)]
    asked = f"load of {plan.base_url} by the profile {plan.profile.name}"
    seconds = plan.line.seconds + plan.profile.drain_seconds + _START_SECONDS + _END_SECONDS
    with log_path.open("w", encoding="utf-8") as log, _started(command, environment, log) as process:
        ended_by = _follow(process, min(seconds, max(0.0, deadline.left_seconds - _END_SECONDS)), show, ends)
    if not record_path.is_file():
        if ended_by is not None and not isinstance(ended_by, _NOT_HANDED_BACK):
            raise ended_by
        tail = log_path.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL_CHARACTERS:].strip()
        raise CouldNotObserve(
            Trouble.BROKEN_OFF,
            asked=asked,
            came_back=f"the generator left no record (exit code {process.returncode}): {tail or 'it said nothing'}",
            hint=f"{log_path} has what it said",
        )
    return records.read(record_path), None if isinstance(ended_by, _NOT_HANDED_BACK) else ended_by


class _ToldToEndError(Exception):
    """Whoever runs this in a thread wants it to end."""


_NOT_HANDED_BACK = (TimeoutError, _ToldToEndError)


@contextlib.contextmanager
def _started(command: list[str], environment: Mapping[str, str], log: TextIO) -> Iterator[subprocess.Popen[str]]:
    """Start the generator, and make sure that it has ended when the block does."""
    process = subprocess.Popen(
        command,
        cwd=_ROOT,
        env={**os.environ, **environment, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.PIPE,  # never written to: that it closes tells the generator that we are gone
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        start_new_session=True,  # Ctrl-C at the terminal is for us; we pass it on, once
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def _follow(
    process: subprocess.Popen[str],
    seconds: float,
    show: Callable[[dict[str, Any]], None],
    ends: threading.Event | None,
) -> BaseException | None:
    """Follow the generator to its end; gives the interruption that ended it early, a TimeoutError after `seconds`."""
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    assert process.stdout is not None
    threading.Thread(target=_pump, args=(process.stdout, lines), daemon=True).start()
    until = Deadline(seconds)
    ended_by: BaseException | None = None
    while True:
        try:
            if until.expired:
                if ended_by is not None:
                    return ended_by  # it was told to end, and does not
                ended_by, until = TimeoutError(), Deadline(_END_SECONDS)
                _tell_to_end(process)
            elif ended_by is None and ends is not None and ends.is_set():
                ended_by, until = _ToldToEndError(), Deadline(_END_SECONDS)
                _tell_to_end(process)
            with contextlib.suppress(queue.Empty):
                line = lines.get(timeout=min(_LOOK_SECONDS, max(0.01, until.left_seconds)))
                if line is None:
                    process.wait(timeout=until.left_seconds)
                    return ended_by
                with contextlib.suppress(ValueError):  # a line that is no progress
                    show(json.loads(line))
        except subprocess.TimeoutExpired:
            return ended_by or TimeoutError()
        except KeyboardInterrupt as interrupted:
            if ended_by is not None and not isinstance(ended_by, _NOT_HANDED_BACK):
                return ended_by  # asked twice: no record is waited for any more
            ended_by, until = interrupted, Deadline(_END_SECONDS)
            _tell_to_end(process)


def _pump(stream: TextIO, lines: queue.SimpleQueue[str | None]) -> None:
    with contextlib.suppress(ValueError):  # closed under our feet
        for line in stream:
            lines.put(line)
    lines.put(None)


def _tell_to_end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
