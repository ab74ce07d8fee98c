"""What the gate costs, measured against a lab: seconds, requests, bytes, memory; `make bench` prints the tables.

Uses the lab that runs in `.lab`, or starts one of its own. Nothing here fails because a machine is slow: it reports.
"""

import argparse
import contextlib
import http.server
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from lab.ports import free_offset
from lab.supervisor import Lab, LabError
from selfcheck.settings import PREFIX

SERIES = 100_000
_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of a command: its exit code, wall-clock seconds, peak memory, and the verdict file it wrote."""

    code: int
    seconds: float
    peak_bytes: int
    verdict: Mapping[str, Any]


def measure(arguments: Sequence[str], environment: Mapping[str, str]) -> Measured:
    """Run pytest on the checks once, from the start of the process to its end."""
    with tempfile.TemporaryDirectory() as output:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "checks", *arguments],
            cwd=_ROOT,
            env={**inherited, **environment, f"{PREFIX}OUTPUT": output, f"{PREFIX}STRICT": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        path = Path(output) / "verdict.json"
        verdict = json.loads(path.read_text()) if path.exists() else {}
    return Measured(process.returncode, seconds, usage.ru_maxrss * 1024, verdict)


@contextlib.contextmanager
def a_lab(say: Callable[[str], None], *, window_max_seconds: float = 60.0) -> Iterator[Lab]:
    """Give the lab that runs in `.lab`, or one that lives as long as the `with` block, whose rules forget so soon."""
    try:
        yield Lab.attach()
    except LabError:
        with tempfile.TemporaryDirectory(prefix="bench-lab-") as folder:
            lab = Lab(Path(folder) / "lab", port_offset=free_offset(), window_max_seconds=window_max_seconds)
            say("starting a lab ...")
            try:
                lab.up()
                yield lab
            finally:
                lab.down()


@contextlib.contextmanager
def recorded(base_url: str, extra: str) -> Iterator[str]:
    """Serve the pages of a platform as they were recorded, with more text at the end of the metrics; gives the URL."""
    pages: dict[str, tuple[str, bytes]] = {}
    for path in ("/health", "/api/v1/health", "/health/extended", "/ready", "/openapi.json", "/docs", "/metrics/"):
        with urllib.request.urlopen(base_url + path, timeout=10) as answer:  # noqa: S310 - the lab's own URL
            pages[path] = (answer.headers["content-type"], answer.read())
    kind, metrics = pages.pop("/metrics/")
    pages["/metrics"] = (kind, metrics + extra.encode())

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            kind, body = pages.get(self.path, ("application/json", b'{"detail": "Not Found"}'))
            self.send_response(200 if self.path in pages else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def many_series(count: int) -> str:
    """Give exposition text with so many series of one gauge."""
    lines = (
        f'parts_stock{{part="P-{number:06}",site="plant-{number % 7}"}} {number % 911}\n' for number in range(count)
    )
    return "# HELP parts_stock Parts in stock.\n# TYPE parts_stock gauge\n" + "".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="repetitions of each measurement")
    runs = parser.parse_args().runs
    console = Console()
    with a_lab(console.print) as lab:
        environment = lab.environment()
        measure([], environment)  # the first run fills the file cache
        gate = [measure([], environment) for _ in range(runs)]
        collect = [measure(["--collect-only", "-q"], environment) for _ in range(runs)]
        with (
            recorded(lab.ports.url("front"), "") as small,
            recorded(lab.ports.url("front"), many_series(SERIES)) as large,
        ):
            few = [measure([], {f"{PREFIX}BASE_URL": small}) for _ in range(runs)]
            many = [measure([], {f"{PREFIX}BASE_URL": large}) for _ in range(runs)]
    _print_costs(console, gate, collect, few, many)
    _print_areas(console, gate[-1])


def _print_costs(
    console: Console, gate: list[Measured], collect: list[Measured], few: list[Measured], many: list[Measured]
) -> None:
    table = Table(title=f"The gate's cost ({len(gate)} runs each: median, slowest)")
    for column in ("what", "measured", "at most"):
        table.add_column(column)
    extra = statistics.median(run.seconds for run in many) - statistics.median(run.seconds for run in few)
    codes = ", ".join(sorted({str(run.code) for run in gate}))
    table.add_row(f"strict gate against the lab (exit code {codes})", _seconds(gate), "25 s")
    table.add_row("requests to the platform", str(max(run.verdict["requests_to_platform"] for run in gate)), "600")
    table.add_row("peak memory", f"{max(run.peak_bytes for run in gate) / 1e6:.0f} MB", "200 MB")
    table.add_row("--collect-only", _seconds(collect), "1 s")
    table.add_row(f"{SERIES:,} series more on the metrics page", f"{extra:.2f} s more", "10 s more")
    table.add_row("peak memory with them", f"{max(run.peak_bytes for run in many) / 1e6:.0f} MB", "200 MB")
    console.print(table)


def _seconds(runs: list[Measured]) -> str:
    return f"{statistics.median(run.seconds for run in runs):.2f} s, {max(run.seconds for run in runs):.2f} s"


def _print_areas(console: Console, run: Measured) -> None:
    table = Table(title="One run by area")
    for column in ("area", "requests", "kB", "seconds waited", "checks"):
        table.add_column(column, justify="left" if column == "area" else "right")
    areas = [found["id"].partition(".")[0] for found in run.verdict["results"]]
    for area, figures in run.verdict["traffic"].items():
        table.add_row(
            area,
            f"{figures['requests']:.0f}",
            f"{figures['bytes'] / 1000:.0f}",
            f"{figures['seconds']:.2f}",
            str(areas.count(area) or ""),
        )
    console.print(table)


if __name__ == "__main__":
    main()
