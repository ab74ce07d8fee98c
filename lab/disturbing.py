"""Kinds of defects that break whoever generates load, not the platform: no CPU, a lost process, a clock that jumps.

What they say of the platform must then be nothing. Each starts a process of the lab that disturbs for a while and ends
by itself: `python -m lab.disturbing starve|kill|restart|step ...`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from lab import processes
from selfcheck.waiting import Deadline, NotYet, pause, wait_until

if TYPE_CHECKING:
    from lab.supervisor import Lab

_REPOSITORY: Final = Path(__file__).resolve().parent.parent
_LIFE_SECONDS: Final = 180.0
"""How long a disturbance lives when nobody ends it."""
_GENERATOR: Final = "load.engine"
_WORKER: Final = "--worker"
"""What the commands of a generator and of its worker processes have in them."""
_TAKEN_SECONDS: Final = 0.4
_GIVEN_SECONDS: Final = 0.1
_CLOCK_FILE: Final = "clock"


@dataclass(frozen=True, slots=True)
class _Disturbance:
    """A process that disturbs; it is found by the marker of the lab and by its command."""

    arguments: tuple[str, ...]

    def apply(self, lab: Lab) -> None:
        processes.start(
            [sys.executable, "-m", __name__, "--of", lab.ports.url("front"), *self.arguments],
            directory=lab.directory,
            environment={},
            log=lab.directory / "disturbing.log",
            working_folder=_REPOSITORY,
        )

    def undo(self, lab: Lab) -> None:
        processes.end(self._found(lab), signals={}, timeout_seconds=2.0)
        processes.collect()  # most end by themselves, when they have done what they were started for

    def _found(self, lab: Lab) -> list[psutil.Process]:
        found = []
        for process in processes.marked(lab.directory):
            with contextlib.suppress(psutil.Error):
                if __name__ in process.cmdline():
                    found.append(process)
        return found


def starved() -> _Disturbance:
    """Let the next generator of load have the CPU a part of the time only, as on a host with other guests."""
    return _Disturbance(("starve",))


def worker_killed(after_seconds: float = 3.0) -> _Disturbance:
    """Kill one worker of the next generator of load, some seconds after it began."""
    return _Disturbance(("kill", str(after_seconds)))


def replica_restarted(name: str, after_seconds: float = 3.0) -> _Disturbance:
    """Restart a part of the lab, some seconds after the next generator of load began."""
    return _Disturbance(("restart", name, str(after_seconds)))


@dataclass(frozen=True, slots=True)
class _Stepped:
    """Lets whoever looks at the lab read a wall clock of our own (`lab/stepped`), and moves it after a while."""

    seconds: float
    after_seconds: float

    def apply(self, lab: Lab) -> None:
        clock = lab.directory / _CLOCK_FILE
        clock.write_text("0\n", encoding="ascii")
        lab.write_extra_environment(
            {"PYTHONPATH": str(_REPOSITORY / "lab" / "stepped"), "CAD_LAB_CLOCK": str(clock.absolute())}
        )
        _Disturbance(("step", str(clock), str(self.seconds), str(self.after_seconds))).apply(lab)

    def undo(self, lab: Lab) -> None:
        _Disturbance(("step",)).undo(lab)
        lab.write_extra_environment({})
        (lab.directory / _CLOCK_FILE).unlink(missing_ok=True)


def clock_stepped(seconds: float, *, after_seconds: float) -> _Stepped:
    """Step the wall clock of whoever looks at the lab, some seconds after the generator began."""
    return _Stepped(seconds, after_seconds)


# ---------------------------------------------------------------------------------------------- in the process itself


def _generators(base_url: str, *, workers: bool) -> list[psutil.Process]:
    """Find the generators that load this address, or their worker processes."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            command = process.cmdline()
            ours = _GENERATOR in command and (_WORKER in command) is workers
            if ours and process.environ().get("SELF_CHECK_BASE_URL") == base_url:
                found.append(process)
    return found


def _await_generators(base_url: str, *, workers: bool) -> list[psutil.Process]:
    def look() -> list[psutil.Process]:
        found = _generators(base_url, workers=workers)
        if not found:
            raise NotYet("there is none")
        return found

    return wait_until(look, timeout_seconds=_LIFE_SECONDS, what="a generator of load", interval_seconds=0.1)


def _starve(base_url: str) -> None:
    """Stop the generator and let it go on, again and again, until it has ended."""
    found = _await_generators(base_url, workers=False)
    until = Deadline(_LIFE_SECONDS)
    try:
        while any(processes.is_alive(process) for process in found) and not until.expired:
            for number, seconds in ((signal.SIGSTOP, _TAKEN_SECONDS), (signal.SIGCONT, _GIVEN_SECONDS)):
                for process in found:
                    processes.send(process, number)
                pause(seconds)
    finally:
        for process in found:
            processes.send(process, signal.SIGCONT)


def _kill(base_url: str, after_seconds: float) -> None:
    _await_generators(base_url, workers=True)
    pause(after_seconds)
    processes.send(min(_generators(base_url, workers=True), key=lambda process: process.pid), signal.SIGKILL)


def _restart(base_url: str, name: str, after_seconds: float) -> None:
    from lab.supervisor import Lab  # noqa: PLC0415 - which knows the kinds of defects, and so this module

    _await_generators(base_url, workers=False)
    pause(after_seconds)
    part = Lab.attach(Path(os.environ[processes.MARKER])).process(name)
    part.stop()
    part.start()


def _step(base_url: str, clock: Path, seconds: float, after_seconds: float) -> None:
    _await_generators(base_url, workers=False)
    pause(after_seconds)
    clock.write_text(f"{seconds:g}\n", encoding="ascii")


def main(arguments: list[str] | None = None) -> int:
    """Disturb; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.disturbing", description=__doc__)
    parser.add_argument("--of", required=True, metavar="URL", help="the address of the lab")
    ways = parser.add_subparsers(dest="way", required=True)
    ways.add_parser("starve", help="take the CPU away from the next generator, again and again")
    kill = ways.add_parser("kill", help="kill a worker of the next generator")
    kill.add_argument("after_seconds", type=float)
    restart = ways.add_parser("restart", help="restart a part of the lab while load is generated")
    restart.add_argument("name")
    restart.add_argument("after_seconds", type=float)
    step = ways.add_parser("step", help="step the clock")
    step.add_argument("clock", type=Path)
    step.add_argument("seconds", type=float)
    step.add_argument("after_seconds", type=float)
    options = parser.parse_args(arguments)
    # The undo ends this process with SIGTERM; nobody is to be left stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if options.way == "starve":
        _starve(options.of)
    elif options.way == "kill":
        _kill(options.of, options.after_seconds)
    elif options.way == "restart":
        _restart(options.of, options.name, options.after_seconds)
    else:
        _step(options.of, options.clock, options.seconds, options.after_seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
