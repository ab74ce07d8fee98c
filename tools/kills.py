"""Kills runners at random moments and looks at what is left: `python -m tools.kills 200`.

Each run makes faults on a real Toxiproxy and takes them back, in a loop; it is ended with SIGKILL at a random moment,
every other one with its whole process group. 10 seconds later there must be no toxic, every proxy must be enabled and
lead where it led, the ledger must be empty, and no process may be left. Exit code 0 when it was so every time.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from chaos.commands import MARKER
from chaos.ledger import Ledger
from lab import programs
from selfcheck.clients.http import Http
from selfcheck.clients.toxiproxy import Proxy, Toxiproxy
from selfcheck.secrets import Secrets
from selfcheck.waiting import Deadline, GaveUp, NotYet, pause, wait_until
from tools.dying_runner import MADE

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
CLEAN_SECONDS = 10.0
PROXIES = ("first", "second")
_KILLED_WITHIN_SECONDS = 1.5
_START_SECONDS = 60.0


@dataclass(slots=True)
class Stage:
    """A Toxiproxy with two proxies to a server of ours, and a folder for the ledger."""

    folder: Path
    url: str
    proxies: tuple[Proxy, ...]
    client: Toxiproxy

    @property
    def ledger(self) -> Path:
        """The folder of the ledger."""
        return self.folder / "ledger"

    @property
    def environment(self) -> dict[str, str]:
        """What makes a runner work on this stage."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("SELF_CHECK_")},
            "PYTHONPATH": str(ROOT),
            "SELF_CHECK_BASE_URL": "http://127.0.0.1:9",
            "SELF_CHECK_TOXIPROXY_URL": self.url,
            "SELF_CHECK_CHAOS_LEDGER": str(self.ledger),
        }

    def untidy(self) -> str:
        """Say what is not as it should be, empty when all is."""
        found = []
        seen = self.client.proxies()
        found += [
            f"{proxy} instead of {wanted}"
            for wanted in self.proxies
            for proxy in (next((each for each in seen if each.name == wanted.name), None),)
            if proxy != wanted
        ]
        records, broken = Ledger(self.ledger).records()
        found += [f"record {record.id}" for record in records]
        found += [each.sentence for each in broken]
        found += [f"process {process.pid}: {' '.join(process.cmdline())}" for process in self.processes()]
        if (self.folder / MADE).exists():
            found.append(f"the file {MADE}")
        return "; ".join(found)

    def processes(self) -> list[psutil.Process]:
        """The reapers and commands of this stage that run."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                    continue
                words = process.cmdline()
                ours = str(self.ledger) in words or process.environ().get("SELF_CHECK_CHAOS_LEDGER") == str(self.ledger)
                if ours and ("chaos.reaper" in words or MARKER in process.environ()):
                    found.append(process)
        return found

    def start_runner(self) -> subprocess.Popen[bytes]:
        """Start a runner, which prints `going` when it begins."""
        with (self.folder / "runner.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "tools.dying_runner", str(self.folder), *(each.name for each in self.proxies)],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )


def await_going(runner: subprocess.Popen[bytes]) -> None:
    """Wait until a runner has begun, and read away what it prints from then on."""
    assert runner.stdout is not None
    line = runner.stdout.readline()
    if line != b"going\n":
        message = f"the runner said {line!r}, and ended with {runner.poll()}"
        raise RuntimeError(message)
    read_away(runner)


def read_away(runner: subprocess.Popen[bytes]) -> None:
    """Read what a runner prints, and close the pipe at its end."""

    def read() -> None:
        assert runner.stdout is not None
        with runner.stdout as stream:
            while stream.read(65_536):
                pass

    threading.Thread(target=read, daemon=True).start()


@contextmanager
def stage(folder: Path, port: int | None = None) -> Iterator[Stage]:
    """Run a Toxiproxy with two proxies as long as the `with` block lasts."""
    program = programs.optional("toxiproxy-server")
    if program is None:
        message = "toxiproxy-server is not installed; `make setup` gets it"
        raise RuntimeError(message)
    with ExitStack() as stack:
        upstream = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = port or free_port()
        log = stack.enter_context((folder / "toxiproxy.log").open("wb"))
        server = subprocess.Popen(
            [str(program), "-host", "127.0.0.1", "-port", str(port)], stdout=log, stderr=log, start_new_session=True
        )
        stack.callback(_end, server)
        http = stack.enter_context(Http(deadline=Deadline(float("inf")), secrets=Secrets(), user_agent="kills/1"))
        client = Toxiproxy(http, f"http://127.0.0.1:{port}")
        wait_until(client.version, timeout_seconds=20, what="Toxiproxy to answer")
        target = f"127.0.0.1:{upstream.getsockname()[1]}"
        proxies = tuple(
            client.create(Proxy(name, f"127.0.0.1:{free_port()}", target, enabled=True, toxics=())) for name in PROXIES
        )
        yield Stage(folder, client.url, proxies, client)


def free_port() -> int:
    """Give a port of loopback that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def _end(server: subprocess.Popen[bytes]) -> None:
    server.kill()
    server.wait()


@dataclass(slots=True)
class Kill:
    """What came of one killed runner."""

    had_faults: bool
    clean_after_seconds: float
    untidy: str = field(default="")


def kill_one(on: Stage, *, whole_group: bool, early: bool) -> Kill:
    """Start a runner, kill it at a random moment, and see how long it takes until all is clean again.

    An early one is killed anywhere from its start, else after it has begun to make faults.
    """
    runner = on.start_runner()
    try:
        if early:
            read_away(runner)
            pause(random.uniform(0, 2 * _KILLED_WITHIN_SECONDS))
        else:
            await_going(runner)
            pause(random.uniform(0, _KILLED_WITHIN_SECONDS))
    finally:
        if whole_group:
            os.killpg(runner.pid, signal.SIGKILL)
        else:
            runner.kill()
        code = runner.wait()
    started = time.monotonic()
    if code != -signal.SIGKILL:
        return Kill(had_faults=False, clean_after_seconds=0, untidy=f"the runner had ended by itself, with {code}")
    had_faults = bool(Ledger(on.ledger).records()[0])

    def clean() -> bool:
        if untidy := on.untidy():
            raise NotYet(untidy)
        return True

    try:
        wait_until(clean, timeout_seconds=CLEAN_SECONDS, what="everything to be clean", interval_seconds=0.2)
    except GaveUp as error:
        return Kill(had_faults, time.monotonic() - started, str(error))
    return Kill(had_faults, time.monotonic() - started)


def main() -> int:
    """Kill so many runners, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("times", nargs="?", type=int, default=200)
    options = parser.parse_args()
    kills: list[Kill] = []
    with tempfile.TemporaryDirectory(prefix="kills-") as folder, stage(Path(folder)) as on:
        for number in range(1, options.times + 1):
            kill = kill_one(on, whole_group=number % 2 == 0, early=number % 5 == 0)
            kills.append(kill)
            what = "with faults" if kill.had_faults else "between faults"
            end = kill.untidy or f"clean after {kill.clean_after_seconds:.1f} s"
            print(f"[{number}/{options.times}] killed {what}: {end}", flush=True)
            if kill.untidy:
                print((on.ledger / "reaper.log").read_text(encoding="utf-8")[-3000:], flush=True)
                print((on.folder / "runner.log").read_text(encoding="utf-8")[-3000:], flush=True)
    clean = [kill for kill in kills if not kill.untidy]
    slowest = max((kill.clean_after_seconds for kill in clean), default=0.0)
    print(
        f"{len(clean)} of {len(kills)} runs were clean within {CLEAN_SECONDS:g} s (slowest {slowest:.1f} s); "
        f"{sum(kill.had_faults for kill in kills)} were killed while a fault was noted or made"
    )
    return 0 if len(clean) == len(kills) else 1


if __name__ == "__main__":
    sys.exit(main())
