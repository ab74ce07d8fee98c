"""What the load generator is worth: how true what it measures is, how much it can send, and what that costs.

    python -m tools.bench_load [--quick] [--only accuracy|throughput|workers|scheduling]

Each figure stands beside those of others that were measured in the same run, in turns. Everything goes to servers on
loopback that are started here. Nothing fails because a machine is slow or busy: it reports.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from load import plan as plans
from load import record as records
from load.arrivals import Spacing
from load.plan import Operation, Plan, Profile
from load.record import Durations, Fate
from load.shapes import Constant
from load.tallying import schedule
from selfcheck.contract import DEFAULT_CONTRACT
from selfcheck.settings import PREFIX
from selfcheck.waiting import wait_until
from tools.stalling import Stalls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from load.record import Record

_ROOT = Path(__file__).resolve().parent.parent
_WIDTH = 80
_QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.999)
_NAMES = ("p50", "p90", "p95", "p99", "p99.9")
_SERVICE_SECONDS = 0.050
_STALL_SECONDS = 1.4
_ENDS_SECONDS = 60.0
_USERS = 50
"""Users, or requests under way at once, where the throughput is measured."""
_RATE_MAX = 100_000
_SATURATED = 0.95
"""Who sends less than this part of what was asked for is at its limit."""
_MORE = 1.25
_SCHEDULED_RATE = 300.0


@dataclass(frozen=True, slots=True)
class Timed:
    """What one generator says of a server: requests that were answered, how long it went on, its quantiles."""

    requests: int
    seconds: float
    cpu_seconds: float
    quantiles: tuple[float, ...] = ()

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds

    @property
    def cost_seconds(self) -> float:
        """Processor time of the generator for each request."""
        return self.cpu_seconds / max(1, self.requests)


# ---------------------------------------------------------------------------------------------------------- generators


def engine(url: str, *, rate: float, seconds: float, in_flight_max: int, workers: int = 1, cores: str = "") -> Record:
    """Run the generator against a server that answers any path; on some cores of the machine when they are named."""
    with tempfile.TemporaryDirectory(prefix="bench-load-") as name:
        folder = Path(name)
        plan = _plan(url, rate=rate, seconds=seconds, in_flight_max=in_flight_max, workers=workers)
        plans.write(plan, folder / "plan.json")
        _contract(folder / "contract", url)
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
        subprocess.run(
            [*_on(cores), sys.executable, "-m", "load.engine", str(folder / "plan.json"), str(folder / "record.json")],
            cwd=_ROOT,
            env={**inherited, f"{PREFIX}BASE_URL": url, f"{PREFIX}CONTRACT": str(folder / "contract")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=10 * seconds + _ENDS_SECONDS,
        )
        return records.read(folder / "record.json")


def _plan(url: str, *, rate: float, seconds: float, in_flight_max: int, workers: int) -> Plan:
    shape = Constant(kind="constant", rate=rate, duration_seconds=seconds)
    profile = Profile(
        name="bench",
        says="a constant rate of one cheap request",
        shape=shape,
        spacing=Spacing.POISSON,
        quantiles=_QUANTILES,
        warm_up_seconds=0,
        request_timeout_seconds=30,
        drain_seconds=10,
        in_flight_max=in_flight_max,
        block_seconds=1,
        grows=False,
    )
    return Plan(
        profile=profile,
        line=shape.scaled(),
        seed=1,
        workers=workers,
        operations=(
            Operation(
                name="health",
                says="the health page",
                act="ask_for_health",
                weight=1,
                think_seconds=0,
                rate_limited=False,
            ),
        ),
        clients=(plans.CLIENT_OWN,),
        base_url=url,
        run_id="bench-load",
    )


def _contract(folder: Path, url: str) -> None:
    """Copy the contract, with an environment in which a server of this benchmark may be loaded."""
    shutil.copytree(DEFAULT_CONTRACT, folder)
    path = folder / "platform.toml"
    allowed = f'\n[environments.bench]\nbase_url = "{url}"\nallow = ["load"]\nload_rate_max = {_RATE_MAX}\n'
    path.write_text(path.read_text(encoding="utf-8") + allowed, encoding="utf-8")


def _timed(record: Record) -> Timed:
    answered = sum(tally.fate(Fate.OK) for tally in record.tallies)
    latency = record.latency()
    return Timed(
        answered,
        record.elapsed_seconds,
        sum(worker.cpu_seconds for worker in record.workers),
        tuple(latency.quantile(q) for q in _QUANTILES),
    )


def stock(url: str, *, users: int, seconds: float, cores: str = "") -> Timed:
    """Run stock Locust's closed users."""
    command = [sys.executable, "-m", "tools.stock_locust", f"{url}/health"]
    said = _said([*_on(cores), *command, "--users", str(users), "--seconds", str(seconds)], seconds)
    found = json.loads(said.splitlines()[-1])
    quantiles = tuple(found["quantiles"].get(str(q), math.nan) for q in _QUANTILES)
    return Timed(found["requests"], found["seconds"], found["cpu_seconds"], quantiles)


def wrk(url: str, *, users: int, seconds: float, **_: float) -> tuple[float, ...]:
    """Run wrk: closed connections, as many as needed for the rate."""
    said = _said(["wrk", "--latency", "-t1", f"-c{users}", f"-d{math.ceil(seconds)}s", f"{url}/health"], seconds)
    return _printed(said, r"^\s+(\d+(?:\.\d+)?)%\s+([\d.]+)(us|ms|s)\s*$")


def hey(url: str, *, users: int, seconds: float, **_: float) -> tuple[float, ...]:
    """Run hey: closed connections, as many as needed for the rate."""
    said = _said(["hey", "-z", f"{math.ceil(seconds)}s", "-c", str(users), f"{url}/health"], seconds)
    return _printed(said, r"^\s+(\d+(?:\.\d+)?)%+ in ([\d.]+) (secs)\s*$")


def vegeta(url: str, *, rate: float, seconds: float, **_: float) -> tuple[float, ...]:
    """Run vegeta: an open model, like ours."""
    script = f"echo 'GET {url}/health' | vegeta attack -rate={rate:g} -duration={seconds:g}s | vegeta report -type=json"
    latencies = json.loads(_said(["sh", "-c", script], seconds))["latencies"]
    found = {0.5: "50th", 0.9: "90th", 0.95: "95th", 0.99: "99th"}
    return tuple(latencies[found[q]] / 1e9 if q in found else math.nan for q in _QUANTILES)


OTHERS: dict[str, Callable[..., tuple[float, ...]]] = {"hey": hey, "wrk": wrk, "vegeta": vegeta}


def _printed(text: str, pattern: str) -> tuple[float, ...]:
    """Read lines that say a percentage and a time."""
    units = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "secs": 1.0}
    found = {
        round(float(percent) / 100, 4): float(value) * units[unit]
        for percent, value, unit in re.findall(pattern, text, re.MULTILINE)
    }
    return tuple(found.get(q, math.nan) for q in _QUANTILES)


def _said(command: Sequence[str], seconds: float) -> str:
    done = subprocess.run(
        command, cwd=_ROOT, check=True, stdout=subprocess.PIPE, text=True, timeout=5 * seconds + _ENDS_SECONDS
    )
    return done.stdout


def _on(cores: str) -> list[str]:
    return ["taskset", "-c", cores] if cores else []


# ------------------------------------------------------------------------------------------------------------- servers


@contextlib.contextmanager
def stalling(stall_seconds: float, every_seconds: float) -> Iterator[tuple[str, Stalls]]:
    """Run a server with known latencies; gives its URL, and what is known."""
    arguments = ("--service", str(_SERVICE_SECONDS), "--stall", str(stall_seconds), "--every", str(every_seconds))
    command = [sys.executable, "-m", "tools.stalling", *arguments]
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        try:
            yield (
                f"http://127.0.0.1:{said['port']}",
                Stalls(said["began_at"], _SERVICE_SECONDS, stall_seconds, every_seconds),
            )
        finally:
            process.communicate()


@contextlib.contextmanager
def fast(cores: str = "") -> Iterator[str]:
    """Run HAProxy as a server that answers everything at once; gives its URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="bench-load-") as folder:
        path = Path(folder) / "haproxy.cfg"
        path.write_text(
            "global\n  maxconn 4000\n  nbthread 1\n"
            "defaults\n  mode http\n  timeout client 60s\n  timeout connect 5s\n  timeout server 60s\n"
            f"frontend all\n  bind 127.0.0.1:{port}\n"
            '  http-request return status 200 content-type application/json string "{\\"status\\": \\"healthy\\"}"\n',
            encoding="utf-8",
        )
        process = subprocess.Popen([*_on(cores), "haproxy", "-db", "-f", str(path)], stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: _listens(port), timeout_seconds=10, what="HAProxy")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def _listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), 1):
        return True


# ------------------------------------------------------------------------------------------------------------ measuring


def truth(record: Record, stalls: Stalls, *, rate: float, seconds: float) -> tuple[float, ...]:
    """Work out the quantiles of latency from when requests were due and when the server answers."""
    began = record.started_unix_seconds - (time.time() - time.monotonic())
    plan = _plan("", rate=rate, seconds=seconds, in_flight_max=1, workers=1)
    due = [began + arrival.at_seconds for arrival in schedule(plan)]
    took = sorted(stalls.answered_at(moment) - moment for moment in due)
    # The same rank as in an HdrHistogram: where few values are far apart, the next one is several percent away.
    return tuple(took[max(1, int(q * len(took) + 0.5)) - 1] for q in _QUANTILES)


def accuracy(console: Console, *, quick: bool) -> None:
    """Compare what is measured of known stalls with what they are."""
    seconds, every = (5.0, 5.0) if quick else (20.0, 10.0)
    installed = [name for name in OTHERS if shutil.which(name)]
    for rate in (50.0, 200.0, 500.0):
        table = Table(
            title=f"{rate:g} requests a second, stalled {_STALL_SECONDS:g} s of every {every:g} s: latency in ms",
            width=_WIDTH,
        )
        table.add_column("")
        for name in _NAMES:
            table.add_column(name, justify="right")
        with stalling(_STALL_SECONDS, every) as (url, stalls):
            record = engine(url, rate=rate, seconds=seconds, in_flight_max=1000)
            known = truth(record, stalls, rate=rate, seconds=seconds)
            users = max(1, round(rate * _SERVICE_SECONDS))
            rows = {
                "the truth": known,
                "this generator": _timed(record).quantiles,
                f"stock Locust, users: {users}": stock(url, users=users, seconds=seconds).quantiles,
                **{name: OTHERS[name](url, users=users, rate=rate, seconds=seconds) for name in installed},
            }
        for name, values in rows.items():
            table.add_row(name, *(f"{value * 1000:,.0f}" if math.isfinite(value) else "-" for value in values))
        errors = [measured / real - 1 for measured, real in zip(rows["this generator"], known, strict=True)]
        table.add_section()
        table.add_row("error of this generator", *(f"{error:+.1%}" for error in errors))
        console.print(table)
    console.print(
        "aim: an error of at most 5 % in each column; the way over loopback, half a millisecond to one, is in it"
    )
    missing = [name for name in OTHERS if name not in installed]
    if missing:
        console.print(f"not installed, and so not compared: {', '.join(missing)}")
    console.print()


def throughput(console: Console, *, quick: bool) -> None:
    """Compare the rate that one core can send with that of stock Locust."""
    rounds, seconds = (3, 3.0) if quick else (7, 6.0)
    ours: list[Timed] = []
    theirs: list[Timed] = []
    with fast(_cores(0)) as url:
        saturating = Saturating(url, cores=_cores(1))
        for _ in range(rounds):
            ours.append(saturating.measured(seconds))
            theirs.append(stock(url, users=_USERS, seconds=seconds, cores=_cores(1)))
    table = Table(title=f"One core, {_USERS} requests under way at once, {rounds} times in turns", width=_WIDTH)
    _add_rates(table, {"this generator": ours, "stock Locust": theirs})
    rates = _spread([one.rate / other.rate for one, other in zip(ours, theirs, strict=True)], 2)
    costs = _spread([other.cost_seconds / one.cost_seconds for one, other in zip(ours, theirs, strict=True)], 2)
    table.add_row("ratio", rates, costs)
    console.print(table)
    console.print("aim: a ratio of at least 0.90; that of processor times is what it would be without other programs\n")


class Saturating:
    """Asks for a little more than can be sent, so that what is sent is what can be; how much that is, it finds out."""

    def __init__(self, url: str, *, workers: int = 1, cores: str = "") -> None:
        self._url = url
        self._workers = workers
        self._cores = cores
        self._rate = 1000.0

    def measured(self, seconds: float) -> Timed:
        """Measure once, at a rate that is too high."""
        while True:
            record = engine(
                self._url,
                rate=self._rate,
                seconds=seconds,
                in_flight_max=_USERS * self._workers,
                workers=self._workers,
                cores=self._cores,
            )
            found = _timed(record)
            if found.rate < _SATURATED * self._rate:
                self._rate = max(1000.0, _MORE * found.rate)
                return found
            self._rate *= _MORE


def two_workers(console: Console, *, quick: bool) -> None:
    """Compare the rate of two workers with that of one."""
    rounds, seconds = (2, 3.0) if quick else (5, 6.0)
    ones: list[Timed] = []
    twos: list[Timed] = []
    with fast() as url:
        one, two = Saturating(url), Saturating(url, workers=2)
        for _ in range(rounds):
            ones.append(one.measured(seconds))
            twos.append(two.measured(seconds))
    table = Table(title=f"One worker and two, {rounds} times in turns, {os.cpu_count()} cores in all", width=_WIDTH)
    _add_rates(table, {"one worker": ones, "two workers": twos})
    rates = _spread([after.rate / before.rate for before, after in zip(ones, twos, strict=True)], 2)
    costs = _spread([2 * before.cost_seconds / after.cost_seconds for before, after in zip(ones, twos, strict=True)], 2)
    table.add_row("two over one", rates, costs)
    console.print(table)
    console.print(
        "aim: 1.8 on two cores that nobody else uses, the server neither; that of processor times is without it\n"
    )


def _add_rates(table: Table, runs: Mapping[str, Sequence[Timed]]) -> None:
    """Add what each could send and what that costs."""
    for name in ("", "requests a second", "µs of processor a request"):
        table.add_column(name, justify="left" if not name else "right")
    for name, timed in runs.items():
        costs = _spread([each.cost_seconds * 1e6 for each in timed])
        table.add_row(name, _spread([each.rate for each in timed]), costs)
    table.add_section()


def scheduling(console: Console, *, quick: bool) -> None:
    """Tell how late requests are sent at a rate that one core bears."""
    rounds, seconds = (2, 5.0) if quick else (5, 10.0)
    table = Table(title=f"{_SCHEDULED_RATE:g} requests a second on one core: how late they start, ms", width=_WIDTH)
    for name in ("", "p50", "p99", "p99.9", "processor"):
        table.add_column(name, justify="left" if not name else "right")
    late: list[float] = []
    with fast(_cores(0)) as url:
        for number in range(rounds):
            record = engine(url, rate=_SCHEDULED_RATE, seconds=seconds, in_flight_max=200, cores=_cores(1))
            lag = Durations.of(worker.lag for worker in record.workers)
            late.append(lag.quantile(0.99))
            shown = (f"{lag.quantile(q) * 1000:.2f}" for q in (0.5, 0.99, 0.999))
            table.add_row(f"run {number + 1}", *shown, f"{record.workers[0].cpu_share_mean:.0%}")
    console.print(table)
    console.print(f"aim: a p99 below 5 ms; the median of the runs is {statistics.median(late) * 1000:.2f} ms\n")


def _cores(number: int) -> str:
    """Name a core that this process may use; the first for servers, the next for generators."""
    free = sorted(os.sched_getaffinity(0))
    return str(free[number % len(free)])


def _spread(values: Sequence[float], digits: int = 0) -> str:
    """Write the median, and from where to where values go."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


PARTS = {"accuracy": accuracy, "throughput": throughput, "workers": two_workers, "scheduling": scheduling}


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench_load", description="What the load generator is worth.")
    parser.add_argument("--only", choices=PARTS, help="measure this alone")
    parser.add_argument("--quick", action="store_true", help="shorter and fewer runs")
    options = parser.parse_args()
    console = Console(width=_WIDTH)
    for name, measure in PARTS.items():
        if options.only in (None, name):
            measure(console, quick=options.quick)
    return 0


if __name__ == "__main__":
    sys.exit(main())
