"""The runner's side of undoing: notes a fault in the ledger before it is made, and keeps the reaper informed.

    with ledger.alone(folder):
        recover(folder, hands)
        with Keeper(folder, hands, run_id=...) as keeper:
            ...  # the reaper takes a second to start
            keeper.ready()
            prepared = faults.prepare(fault, lever, hands, run_id)
            record = keeper.note(prepared, experiment="...", deadline_seconds=60)
            prepared.inject()
            if not keeper.still_ours(record): ...  # the reaper thought that we hang; leave it, undo, say so
            ...
            keeper.undo(record)

The beats go through a pipe and not through a file: a full disk stops none, and the system closes it whatever kills us.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from chaos import faults, reaper
from chaos.ledger import Ledger, LedgerError, LedgerRecord, began
from selfcheck.observation import CouldNotObserve
from selfcheck.settings import as_environment
from selfcheck.waiting import Deadline, GaveUp, pause, wait_until

if TYPE_CHECKING:
    from chaos.faults import Prepared
    from chaos.hands import Hands

_BEAT_SECONDS: Final = 0.3
_START_SECONDS: Final = 40.0
_END_SECONDS: Final = 10.0
_AGAIN_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = 15.0
_PAUSE_SECONDS: Final = 0.5
_RESTARTS_MAX: Final = 5
_ROOT: Final = Path(__file__).resolve().parent.parent


class KeeperError(Exception):
    """There is no reaper, and so nothing may be injected; the text says why."""


class Keeper:
    """Notes faults, undoes them, and has a reaper that does so when this process cannot.

    `patience_seconds` is how long the end of the `with` block tries to undo what is left; afterwards the reaper goes
    on, and NotUndoneError is raised. Use it from one thread.
    """

    def __init__(self, folder: Path, hands: Hands, *, run_id: str, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        self.ledger = Ledger(folder)
        self.not_undone: tuple[str, ...] = ()
        """What could not be taken back when the `with` block ended."""
        self._hands = hands
        self._run_id = run_id
        self._patience_seconds = patience_seconds
        self._open: list[LedgerRecord] = []
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._reaper: subprocess.Popen[bytes] | None = None
        self._watching_pid: int | None = None
        """Of the reaper that last said that it watches."""
        self._restarts = 0
        self._began = began(os.getpid()) or 0.0
        self._beats = threading.Thread(target=self._beat, name="beats", daemon=True)

    def __enter__(self) -> Self:
        """Start the reaper; raises LedgerError. Whether it watches is for `ready` to say."""
        self._start_reaper()
        self._beats.start()
        return self

    def ready(self) -> None:
        """Wait until the reaper watches; raises KeeperError: inject nothing then."""
        with self._lock:
            self._await_reaper()

    def __exit__(self, *_: object) -> None:
        """Undo what is left, and end the reaper; raises NotUndoneError when something remains."""
        try:
            self.undo_all(patience_seconds=self._patience_seconds)
        except faults.NotUndoneError:
            self._end_reaper()
            raise
        self._end_reaper()

    # ---------------------------------------------------------------------------------------------------- the records

    def note(self, prepared: Prepared, experiment: str, deadline_seconds: float) -> LedgerRecord:
        """Write a fault into the ledger, before it is made; raises LedgerError or KeeperError: inject nothing then.

        After `deadline_seconds` the reaper undoes it whatever this process does.
        """
        self._need_reaper()
        record = LedgerRecord(
            id=prepared.mark,
            number=self.ledger.next_number(),
            run_id=self._run_id,
            experiment=experiment,
            environment=self._hands.scope.name,
            fault=prepared.fault,
            target=self._hands.secrets.mask(prepared.target),
            undo=self._hands.secrets.mask(prepared.undo_text),
            inverse=prepared.inverse,
            made_at=time.time(),
            made_monotonic_seconds=time.monotonic(),
            deadline_seconds=deadline_seconds,
            runner_pid=os.getpid(),
            runner_began=self._began,
        )
        # First: an interruption between the two leaves a record that is undone at the end, which harms nothing.
        self._open.append(record)
        try:
            self.ledger.write(record)
        except LedgerError:
            self._open.remove(record)
            raise
        return record

    def still_ours(self, record: LedgerRecord) -> bool:
        """Tell whether a fault may still stand; false when the reaper has taken it over: it undoes it, or has.

        Ask after injecting, too: this process may have been stopped in between, and have made what nobody watches.
        """
        return self.ledger.is_open(record)

    def undo(self, record: LedgerRecord) -> tuple[str, ...]:
        """Take a fault back, read back that it is gone, and strike its record; gives the steps that it took.

        Raises NotUndoneError; the record then stands, and the reaper and the end of the `with` block try again.
        """
        try:
            steps = faults.undo(record.inverse, self._hands)
            if record.id in self._hands.doubtful:
                pause(_AGAIN_SECONDS)  # making it broke off: what was sent may have arrived only now
                steps += faults.undo(record.inverse, self._hands)
                self._hands.doubtful.discard(record.id)
        except CouldNotObserve as error:
            raise faults.NotUndoneError(str(error)) from error
        try:
            self.ledger.strike(record)
        except LedgerError as error:
            message = f"undone, but its record could not be struck: {error}"
            raise faults.NotUndoneError(message) from error
        if record in self._open:
            self._open.remove(record)
        return steps

    def undo_all(self, *, patience_seconds: float = 0.0) -> tuple[str, ...]:
        """Undo every record of this run that stands, the latest first, each tried even when another one fails.

        Tries again for so long; then raises NotUndoneError with all that remains.
        """
        steps: list[str] = []
        deadline = Deadline(patience_seconds)
        while True:
            troubles = []
            for record in reversed(tuple(self._open)):
                try:
                    steps += self.undo(record)
                except faults.NotUndoneError as error:
                    troubles.append(f"{record.fault}: {error} By hand: {record.inverse.by_hand}")
            self.not_undone = tuple(troubles)
            if not troubles:
                return tuple(steps)
            if deadline.expired:
                raise faults.NotUndoneError("\n".join(troubles))
            pause(min(_PAUSE_SECONDS, deadline.left_seconds))

    # ----------------------------------------------------------------------------------------------------- the reaper

    @property
    def reaper_pid(self) -> int:
        """The id of the reaper's process."""
        assert self._reaper is not None
        return self._reaper.pid

    def _start_reaper(self) -> None:
        folder = self.ledger.folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"the ledger {folder} cannot be written ({error.strerror}); without it nothing is injected"
            raise LedgerError(message) from error
        log = reaper.open_log(folder)
        paths = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
        try:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "chaos.reaper", str(folder)),
                    *("--runner", str(os.getpid()), "--began", repr(self._began)),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **as_environment(self._hands.scope.settings), "PYTHONPATH": paths},
                start_new_session=True,
            )
        finally:
            os.close(log)
        assert process.stdin is not None
        assert process.stdout is not None
        os.set_blocking(process.stdin.fileno(), False)  # a reaper that is stopped must not stop us
        os.set_blocking(process.stdout.fileno(), False)
        self._reaper = process

    def _await_reaper(self) -> None:
        process = self._reaper
        assert process is not None
        if process.pid == self._watching_pid:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        handle = process.stdout.fileno()

        def settled() -> bool:
            with contextlib.suppress(BlockingIOError):
                # At the end of the pipe there is nothing: then it has ended, and so is this wait.
                return os.read(handle, len(reaper.READY)) == reaper.READY or process.poll() is not None
            return False

        try:
            wait_until(settled, timeout_seconds=_START_SECONDS, what="the reaper to start", interval_seconds=0.05)
            trouble = "" if process.poll() is None else f"it ended with {process.returncode}"
        except GaveUp as error:
            trouble = str(error)
            process.kill()  # there is nothing yet that it would have to undo
            process.wait()
        process.stdout.close()
        if trouble:
            log = self.ledger.folder / reaper.LOG_FILE
            message = f"the reaper did not start ({trouble}); see {log}. Nothing is injected"
            raise KeeperError(message)
        self._watching_pid = process.pid

    def _need_reaper(self) -> None:
        with self._lock:
            if self._reaper is None or self._reaper.poll() is not None:
                self._restart_reaper()
            self._await_reaper()

    def _restart_reaper(self) -> None:
        """Start another one where it was killed; raises KeeperError."""
        if self._restarts >= _RESTARTS_MAX:
            message = f"the reaper was killed {self._restarts} times; nothing more is injected"
            raise KeeperError(message)
        self._restarts += 1
        if self._reaper is not None and self._reaper.stdin is not None:
            with contextlib.suppress(OSError):
                self._reaper.stdin.close()
        self._start_reaper()
        self._await_reaper()

    def _beat(self) -> None:
        while not self._stopped.wait(_BEAT_SECONDS):
            with self._lock:
                if self._stopped.is_set():
                    return
                if self._reaper is not None and self._reaper.poll() is None:
                    self._say(reaper.BEAT)
                elif self._watching_pid is not None:  # one that never watched is for `ready` to complain of
                    with contextlib.suppress(KeeperError, LedgerError, OSError):  # `note` says it
                        self._restart_reaper()

    def _say(self, what: bytes) -> None:
        assert self._reaper is not None
        assert self._reaper.stdin is not None
        with contextlib.suppress(OSError):  # full, because it is stopped, or gone: then there is a new one soon
            os.write(self._reaper.stdin.fileno(), what)

    def _end_reaper(self) -> None:
        """Tell the reaper that this is the end; it stays where something is left to undo."""
        self._stopped.set()
        self._beats.join(_START_SECONDS)
        process = self._reaper
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        self._say(reaper.END)
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()
        if self._open:
            # It goes on by itself; a game day may last for hours after it, and should not keep a dead child that long.
            threading.Thread(target=process.wait, name="reaper", daemon=True).start()
            return
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:  # it is stopped, or starved; there is nothing left for it to do
            process.kill()
            process.wait()
