"""The reaper: a process of its own that takes faults back when their runner cannot.

`python -m chaos.reaper FOLDER --runner PID --began SECONDS`, started by `chaos.keeper`. Its standard input is a pipe
from the runner: a byte a beat, `q` at a clean end; the end of the pipe says that the runner is gone.

- The runner is gone: all of its records are undone at once.
- It says nothing for 5 seconds (it is stopped, or hangs), or a record's deadline passes: the record is taken over, so
  that the runner knows should it go on, and undone. It stays in the ledger, and is looked at again and again, until the
  runner strikes it or is gone: a request that was under way may arrive much later.

What comes later is undone first. Every record is tried even when another one fails, is read back, is tried again with
growing pauses for up to 10 minutes, and is looked at once more a second after it was seen to be undone. All times are
by the monotonic clock of this process, so that a jump of the wall clock neither hurries nor delays an undo.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chaos import faults
from chaos.hands import Hands
from chaos.ledger import HeldError, Ledger, LedgerError, LedgerRecord, alone, is_alive
from chaos.recovering import advice
from selfcheck import contract as contracts
from selfcheck import settings as all_settings
from selfcheck.contract import ContractError
from selfcheck.observation import CouldNotObserve
from selfcheck.settings import SettingsError
from selfcheck.waiting import Deadline, pause

if TYPE_CHECKING:
    from collections.abc import Iterable

SILENCE_SECONDS: Final = 5.0
"""After so long without a beat the runner is taken to hang."""
READY: Final = b"ready\n"
BEAT: Final = b"."
END: Final = b"q"
LOG_FILE: Final = "reaper.log"

_LOOK_SECONDS: Final = 0.2
_AGAIN_SECONDS: Final = 1.0
_GIVE_UP_SECONDS: Final = 600.0
_PAUSE_SECONDS: Final = 0.5
_PAUSE_SECONDS_MAX: Final = 15.0
_LOCK_SECONDS: Final = 2.0
_LOG_BYTES_MAX: Final = 1_000_000
_READ_BYTES: Final = 65_536
_FATAL: Final = 3


@dataclass(slots=True)
class _Watched:
    """What is known of a record: until when it may stand, and when it is tried or looked at again."""

    deadline: Deadline
    taken: Deadline | None = None
    """Since when it is being undone, and how long that is tried."""
    next_at: float = 0.0
    pause_seconds: float = _PAUSE_SECONDS
    seen_undone: bool = False
    trouble: str = ""


class Reaper:
    """Watches one runner, and undoes what it leaves."""

    def __init__(self, folder: Path, *, pid: int, began: float, hands: Hands) -> None:
        self._ledger = Ledger(folder)
        self._pid = pid
        self._began = began
        self._hands = hands
        self._heard_at = time.monotonic()
        self._ended = False
        self._piped = True
        self._watched: dict[str, _Watched] = {}

    def run(self) -> int:
        """Watch until there is nothing left to do; 0 when nothing remains."""
        while True:
            self._listen()
            if self._ended or not self._piped or not is_alive(self._pid, self._began):
                return self._finish()
            now = time.monotonic()
            silent = now - self._heard_at > SILENCE_SECONDS
            for record in self._mine():
                known = self._know(record)
                if known.taken is None and (silent or known.deadline.expired):
                    why = f"no beat for {SILENCE_SECONDS:g} s" if silent else "its time is over"
                    if not self._ledger.take(record):
                        continue
                    _log(f"{record.id}: taken over: {why}")
                    known.taken = Deadline(_GIVE_UP_SECONDS)
                if known.taken is not None and now >= known.next_at:
                    self._try(record, known)

    def _finish(self) -> int:
        """The runner is gone: undo and strike all that it left, or give up after a time and say what remains."""
        left = self._mine()
        if not left:
            _log("the runner has ended, and nothing is left to undo")
            return 0
        _log(f"the runner is {'ending' if self._ended else 'gone'}; records to undo: {len(left)}")
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(HeldError, LedgerError):  # a new run may be faster; it undoes the same records
                who = f"the reaper of process {self._pid}"
                stack.enter_context(alone(self._ledger.folder, who=who, patience_seconds=_LOCK_SECONDS))
            ends = Deadline(_GIVE_UP_SECONDS)
            while left and not ends.expired:
                for record in left:
                    known = self._know(record)
                    known.taken = known.taken or ends
                    if time.monotonic() >= known.next_at and self._try(record, known):
                        self._strike(record)
                left = self._mine()
                if left:
                    pause(_LOOK_SECONDS)
        for record in left:
            _log(f"given up: {advice(self._ledger, record, self._know(record).trouble)}")
        return 1 if left else 0

    def _try(self, record: LedgerRecord, known: _Watched) -> bool:
        """Undo a record, or look again whether it is undone; true when that was seen twice, a moment apart."""
        try:
            if known.seen_undone and not (left := faults.remains(record.inverse, self._hands)):
                known.next_at = time.monotonic() + _AGAIN_SECONDS
                return True
            if known.seen_undone:
                _log(f"{record.id}: it is back: {left}")
            steps = faults.undo(record.inverse, self._hands)
        except (faults.NotUndoneError, CouldNotObserve) as error:
            self._failed(record, known, str(error))
            return False
        except Exception as error:  # noqa: BLE001 - a defect here must not keep the other records from being undone
            self._failed(record, known, f"{type(error).__name__}: {error}")
            return False
        _log(f"{record.id}: undone: {', '.join(steps) or 'nothing was left of it'}")
        known.seen_undone = True
        known.pause_seconds = _PAUSE_SECONDS
        known.next_at = time.monotonic() + _AGAIN_SECONDS
        return False

    def _failed(self, record: LedgerRecord, known: _Watched, trouble: str) -> None:
        known.seen_undone = False
        known.trouble = trouble
        known.next_at = time.monotonic() + known.pause_seconds
        known.pause_seconds = min(_PAUSE_SECONDS_MAX, known.pause_seconds * 2)
        _log(f"{record.id}: not undone: {self._hands.secrets.mask(trouble)}")

    def _strike(self, record: LedgerRecord) -> None:
        try:
            self._ledger.strike(record)
            _log(f"{record.id}: struck")
        except LedgerError as error:
            self._failed(record, self._know(record), str(error))

    def _mine(self) -> list[LedgerRecord]:
        """The records of the runner, the latest first."""
        try:
            records, _ = self._ledger.records()
        except LedgerError as error:
            _log(str(error))
            return []
        return [each for each in records if (each.runner_pid, each.runner_began) == (self._pid, self._began)]

    def _know(self, record: LedgerRecord) -> _Watched:
        if record.id not in self._watched:
            # The clock is the same for all processes of a machine; a reaper that was started anew goes on counting.
            since = min(time.monotonic(), record.made_monotonic_seconds)
            self._watched[record.id] = _Watched(Deadline(record.deadline_seconds, since))
        return self._watched[record.id]

    def _listen(self) -> None:
        """Wait a moment for the runner to say something, and take in all that it has said."""
        if not select.select([sys.stdin.fileno()], [], [], _LOOK_SECONDS)[0]:
            return
        said = os.read(sys.stdin.fileno(), _READ_BYTES)
        self._piped = bool(said)
        self._ended = self._ended or END in said
        self._heard_at = time.monotonic()


def _log(text: str) -> None:
    """Write a line to the log (standard error leads there); a full disk keeps nothing from being undone."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    with contextlib.suppress(OSError):
        os.write(sys.stderr.fileno(), f"{stamp} reaper {os.getpid()}: {' '.join(text.split())}\n".encode())


def open_log(folder: Path) -> int:
    """Open the log of reapers, beside the records; a large one is begun anew. Nowhere when it cannot be written."""
    path = folder / LOG_FILE
    try:
        fresh = path.exists() and path.stat().st_size > _LOG_BYTES_MAX
        kind = os.O_TRUNC if fresh else os.O_APPEND
        return os.open(path, os.O_WRONLY | os.O_CREAT | kind, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)


def _ignore_signals(numbers: Iterable[signal.Signals]) -> None:
    """Outlive what ends the runner: Ctrl-C, a closed terminal, a system that shuts down. It ends by itself."""
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)


def main(arguments: list[str] | None = None) -> int:
    """Watch a runner."""
    _ignore_signals((signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE))
    parser = argparse.ArgumentParser(prog="python -m chaos.reaper", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runner", type=int, required=True, help="id of the process to watch")
    parser.add_argument("--began", type=float, required=True, help="when it began")
    options = parser.parse_args(arguments)
    try:
        settings = all_settings.read()
        hands = Hands.from_settings(settings, contracts.load(settings.contract))
    except (SettingsError, ContractError) as error:
        _log(f"not started: {error}")
        return _FATAL
    with hands:
        reaper = Reaper(options.folder, pid=options.runner, began=options.began, hands=hands)
        with contextlib.suppress(OSError):  # the runner may be gone already
            os.write(sys.stdout.fileno(), READY)
        os.close(sys.stdout.fileno())
        return reaper.run()


if __name__ == "__main__":
    sys.exit(main())
