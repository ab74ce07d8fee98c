"""The ledger: what was changed and has to be taken back, on disk before anything is changed.

One file a record, written by rename; file and folder are flushed to the disk before a fault is made, and the file is
removed only once the undo has been seen. A record that the reaper has taken over (the runner said nothing for too long)
is renamed, so that the runner, should it go on, knows; renaming needs no space on a full disk.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil
from filelock import FileLock, Timeout
from pydantic import Field, ValidationError

from chaos.inverses import Inverse
from selfcheck.contract import Model

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA_VERSION: Final = 1
_LOCK: Final = "lock"
_HOLDER: Final = "holder.json"
_OPEN: Final = ".json"
_TAKEN: Final = ".taken"
_BEGAN_TOLERANCE_SECONDS: Final = 0.5


class LedgerError(Exception):
    """The ledger cannot be written; nothing may be injected then. The text says why and what to do."""


class HeldError(Exception):
    """Another run holds the lock; the text says who."""


class LedgerRecord(Model):
    """One fault that is about to be made, or was, and how it is taken back. `id` is the mark of the fault."""

    schema_version: int = SCHEMA_VERSION
    id: str
    number: int = Field(ge=1, description="Counts up in a ledger: what came later is undone first.")
    run_id: str
    experiment: str
    environment: str
    fault: str
    target: str
    undo: str = Field(description="In words.")
    inverse: Inverse
    made_at: float = Field(description="Unix seconds.")
    made_monotonic_seconds: float = Field(description="By the monotonic clock of this machine since it was started.")
    deadline_seconds: float = Field(gt=0, description="After so long the reaper undoes it, runner or not.")
    runner_pid: int
    runner_began: float = Field(description="When its process began, as `began` gives it: ids are used again.")

    @property
    def file_stem(self) -> str:
        """The name of its file without the ending; names sort in the order in which faults were made."""
        return f"{self.number:06}-{self.id}"

    @property
    def runner_lives(self) -> bool:
        """Whether the runner that made it still runs."""
        return is_alive(self.runner_pid, self.runner_began)


@dataclass(frozen=True, slots=True)
class Broken:
    """A file of the ledger that cannot be read, and why."""

    path: Path
    why: str

    @property
    def sentence(self) -> str:
        """What is wrong, and what to do."""
        return (
            f"{self.path} cannot be read ({self.why}): what it should take back is not known; look at the target, then "
            "remove the file"
        )


class Ledger:
    """The records in a folder. Several processes may look at it; one runner at a time writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()

    def write(self, record: LedgerRecord) -> None:
        """Write a record so that it outlives a power cut; raises LedgerError, and then nothing may be injected."""
        path = self.folder / f"{record.file_stem}{_OPEN}"
        fresh = self.folder / f".{record.file_stem}.new"
        try:
            self._make_folder()
            try:
                handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(handle, "w", encoding="utf-8") as stream:
                    stream.write(record.model_dump_json(indent=1))
                    stream.flush()
                    os.fsync(stream.fileno())
                fresh.replace(path)
                _flush_folder(self.folder)
            except BaseException:
                fresh.unlink(missing_ok=True)
                path.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise self._not_written(error) from error

    def next_number(self) -> int:
        """Give the number of the next record: above all that are there, also broken ones; raises LedgerError."""
        numbers = [int(path.name[:6]) for path in self._files() if path.name[:6].isdigit()]
        return max(numbers, default=0) + 1

    def records(self) -> tuple[tuple[LedgerRecord, ...], tuple[Broken, ...]]:
        """Read all records, the latest first, and the files that cannot be read; raises LedgerError."""
        found: list[LedgerRecord] = []
        broken: list[Broken] = []
        for path in reversed(self._files()):
            try:
                found.append(LedgerRecord.model_validate_json(path.read_bytes()))
            except FileNotFoundError:  # struck, or taken over, since the folder was listed
                with contextlib.suppress(OSError, ValueError):
                    found.append(LedgerRecord.model_validate_json(path.with_suffix(_TAKEN).read_bytes()))
            except OSError as error:
                broken.append(Broken(path, error.strerror or str(error)))
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(map(str, first["loc"]))
                broken.append(Broken(path, f"{where}: {first['msg']}" if where else first["msg"]))
        return tuple(found), tuple(broken)

    def is_open(self, record: LedgerRecord) -> bool:
        """Tell whether a record is there and nobody has taken it over."""
        return (self.folder / f"{record.file_stem}{_OPEN}").exists()

    def is_there(self, record: LedgerRecord) -> bool:
        """Tell whether a record is there, taken over or not."""
        return self.is_open(record) or (self.folder / f"{record.file_stem}{_TAKEN}").exists()

    def take(self, record: LedgerRecord) -> bool:
        """Take a record over from a runner that is silent or late; false when it has been struck meanwhile."""
        with contextlib.suppress(FileNotFoundError):
            (self.folder / f"{record.file_stem}{_OPEN}").rename(self.folder / f"{record.file_stem}{_TAKEN}")
        return self.is_there(record)

    def strike(self, record: LedgerRecord) -> None:
        """Remove a record whose undo was seen; raises LedgerError when it cannot be removed."""
        try:
            for ending in (_OPEN, _TAKEN):
                (self.folder / f"{record.file_stem}{ending}").unlink(missing_ok=True)
            if self.folder.exists():
                _flush_folder(self.folder)
        except OSError as error:
            raise self._not_written(error) from error

    def _files(self) -> list[Path]:
        try:
            return sorted(
                path
                for path in self.folder.iterdir()
                if path.suffix in {_OPEN, _TAKEN} and not path.name.startswith(".") and path.name != _HOLDER
            )
        except FileNotFoundError:
            return []
        except OSError as error:
            message = f"the ledger {self.folder} cannot be read ({error.strerror}); mend it before anything is injected"
            raise LedgerError(message) from error

    def _make_folder(self) -> None:
        if not self.folder.is_dir():
            self.folder.mkdir(parents=True, exist_ok=True)
            _flush_folder(self.folder.parent)

    def _not_written(self, error: OSError) -> LedgerError:
        return LedgerError(
            f"the ledger {self.folder} cannot be written ({error.strerror or error}); nothing is injected then: free "
            "some space, or name another folder in SELF_CHECK_CHAOS_LEDGER"
        )


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def began(pid: int) -> float | None:
    """Give when a process began, None when there is none.

    Where the system tells it (Linux), in seconds since the machine was started: Unix time would move with the clock.
    """
    try:
        # The name of the process, in parentheses, may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return None if fields[0] in {"Z", "X"} else int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return None
    except (OSError, ValueError, IndexError):
        pass
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def is_alive(pid: int, since: float) -> bool:
    """Tell whether the process that has this id and began then still runs, or is stopped."""
    found = began(pid)
    return found is not None and abs(found - since) < _BEGAN_TOLERANCE_SECONDS


@contextmanager
def alone(folder: Path, *, who: str = "a run", patience_seconds: float = 0.0) -> Iterator[None]:
    """Hold the lock of a ledger: no other run injects meanwhile, and the system lets go when this process ends.

    Raises HeldError, which says who holds it, and LedgerError when there cannot be a lock.
    """
    folder = folder.absolute()
    lock = FileLock(folder / _LOCK, timeout=patience_seconds, thread_local=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        message = f"another run holds the lock of {folder}: {_holder(folder)}"
        raise HeldError(message) from None
    except OSError as error:
        message = f"the lock of {folder} cannot be had ({error.strerror or error}); nothing is injected without it"
        raise LedgerError(message) from error
    try:
        holder = {"who": who, "pid": os.getpid(), "command": " ".join(sys.argv)[:200], "since": time.time()}
        with contextlib.suppress(OSError):  # it only serves the message above
            (folder / _HOLDER).write_text(json.dumps(holder), encoding="utf-8")
        yield
    finally:
        with contextlib.suppress(OSError):
            (folder / _HOLDER).unlink(missing_ok=True)
        lock.release()


def _holder(folder: Path) -> str:
    try:
        holder = json.loads((folder / _HOLDER).read_text(encoding="utf-8"))
        seconds = max(0.0, time.time() - float(holder["since"]))
        return f"{holder['who']}, process {int(holder['pid'])}, for {seconds:.0f} s (`{holder['command']}`)"
    except (OSError, ValueError, KeyError, TypeError):
        return "it is not known which one"
