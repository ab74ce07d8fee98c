"""`python -m lab up|down|status|logs|defects|break|mend|part|set|crowd`."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from lab.programs import MissingProgramsError
from lab.supervisor import Lab, LabError, PartStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType

_WIDTH = 80
_STYLES = {"ready": "green", "up": "yellow", "paused": "yellow", "down": "red"}
_PAGES = (
    ("platform", "front", "/docs"),
    ("load balancer", "haproxy_stats", "/stats"),
    ("Prometheus", "prometheus", "/alerts"),
    ("Alertmanager", "alertmanager", ""),
    ("notifications", "receiver", "/notifications"),
    ("Toxiproxy", "toxiproxy", "/proxies"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit code: 0, 1 for what the lab cannot do (said in a sentence), 130 for Ctrl-C."""
    chosen = _parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        code: int = chosen.run(chosen)
    except (LabError, MissingProgramsError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted; what was started has been ended", file=sys.stderr)
        return 130
    return code


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Treat SIGTERM and a closed terminal as Ctrl-C: what `up` started must not be left behind."""
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lab",
        description="The lab: the reference platform with real servers around it, on loopback.",
        epilog=(
            "Environment: LAB_DIRECTORY (.lab), LAB_PORT_OFFSET (0), LAB_TIME_SCALE (60), LAB_WINDOW_MAX_SECONDS (60)."
        ),
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    command("up", _up, "start what does not run and wait until all is ready")
    command("down", _down, "end everything; logs are kept")
    command("status", _status, "show every part; exit code 0 only when all are ready")
    logs = command("logs", _logs, "print the end of the logs")
    logs.add_argument("part", nargs="*", help="parts (default: all)")
    logs.add_argument("--lines", type=int, default=10, help="lines of each (default: %(default)s)")
    command("defects", _defects, "list the seeded defects; * marks those that are active")
    command("break", _break, "make the lab break a promise").add_argument("name")
    command("mend", _mend, "undo a seeded defect (default: all that are active)").add_argument("name", nargs="?")
    part = command(
        "part", _part, "stop, kill, pause, stick, start, resume or unstick one part, or ask whether it is so"
    )
    part.add_argument("action", choices=_ACTIONS)
    part.add_argument("name")
    crowd = command("crowd", _crowd, "leave the platform without connections to Postgres, or ask whether it is so")
    crowd.add_argument("action", choices=("fill", "free", "is-full", "is-free"))
    for name, run, text in (
        ("set", _set, "restart parts, one after the other, with other environment variables"),
        ("is-set", _is_set, "ask whether parts run with these environment variables"),
    ):
        variables = command(name, run, text)
        variables.add_argument("names", help="parts, with commas between")
        variables.add_argument("variables", nargs="+", metavar="NAME=VALUE", help="NAME= is what it was")
    return parser


def _part(chosen: argparse.Namespace) -> int:
    lab = Lab.attach(Lab.from_environment().directory)
    process = lab.process(chosen.name)
    if chosen.action.startswith("is-"):
        return 0 if process.state() == chosen.action.removeprefix("is-") else 1
    if chosen.action == "start" and process.pid is not None:
        process.resume()
    getattr(process, chosen.action)()
    return 0


_ACTIONS = (
    *("stop", "kill", "pause", "stick", "start", "resume", "unstick"),
    *("is-down", "is-up", "is-paused", "is-ready"),
)


def _crowd(chosen: argparse.Namespace) -> int:
    # Heavy for the other commands: the driver of Postgres.
    from lab import crowding  # noqa: PLC0415

    lab = Lab.attach(Lab.from_environment().directory)
    actions = {"fill": crowding.fill, "free": crowding.free, "is-full": crowding.is_full, "is-free": crowding.is_free}
    return 1 if actions[chosen.action](lab) is False else 0


def _set(chosen: argparse.Namespace) -> int:
    lab = Lab.attach(Lab.from_environment().directory)
    for name in chosen.names.split(","):
        if not _has(lab, name, _wanted(chosen)):
            lab.override(name, _wanted(chosen))
    return 0


def _is_set(chosen: argparse.Namespace) -> int:
    lab = Lab.attach(Lab.from_environment().directory)
    return 0 if all(_has(lab, name, _wanted(chosen)) for name in chosen.names.split(",")) else 1


def _wanted(chosen: argparse.Namespace) -> dict[str, str | None]:
    found = (variable.partition("=") for variable in chosen.variables)
    return {name: value or None for name, _, value in found}


def _has(lab: Lab, name: str, variables: Mapping[str, str | None]) -> bool:
    there = lab.state().overrides.get(name, {})
    return lab.process(name).pid is not None and all(there.get(key) == value for key, value in variables.items())


def _up(_: argparse.Namespace) -> int:
    lab = Lab.from_environment()
    console = Console(width=_WIDTH, highlight=False)
    lab.say = lambda text: console.print(text, soft_wrap=True)
    begun = time.monotonic()
    console.print(f"lab in {lab.directory}: starting ...", soft_wrap=True)
    lab.up()
    console.print(_table(lab.status()))
    pages = Table.grid(padding=(0, 2))
    for title, port, path in _PAGES:
        pages.add_row(title, f"{lab.ports.url(port)}{path}")
    console.print(pages)
    console.print(
        f"ready in {time.monotonic() - begun:.1f} s; variables for the gate: {lab.directory / 'lab.env'}",
        soft_wrap=True,
    )
    return 0


def _down(_: argparse.Namespace) -> int:
    lab = Lab.from_environment()
    begun = time.monotonic()
    lab.down()
    print(f"lab in {lab.directory}: down in {time.monotonic() - begun:.1f} s")
    return 0


def _status(_: argparse.Namespace) -> int:
    parts = Lab.from_environment().status()
    console = Console(width=_WIDTH, highlight=False)
    console.print(_table(parts))
    for part in parts:
        if part.detail:
            console.print(f"{part.name}: {part.detail}", soft_wrap=True)
    return 0 if all(part.state == "ready" for part in parts) else 1


def _table(parts: Sequence[PartStatus]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("part", "state"):
        table.add_column(title)
    table.add_column("pid", justify="right")
    table.add_column("ports")
    table.add_column("since")
    table.add_column("MiB", justify="right")
    for part in parts:
        style = _STYLES[part.state]
        table.add_row(
            part.name,
            f"[{style}]{part.state}[/{style}]",
            str(part.pid or ""),
            _short(part.ports),
            time.strftime("%H:%M:%S", time.localtime(part.since)) if part.since else "",
            f"{part.memory_bytes / 1024**2:.0f}" if part.memory_bytes is not None else "",
        )
    return table


def _short(ports: tuple[int, ...]) -> str:
    shown = " ".join(map(str, ports[:3]))
    return shown + " ..." * (len(ports) > 3)


def _logs(chosen: argparse.Namespace) -> int:
    lab = Lab.from_environment()
    folder = lab.directory / "logs"
    names = chosen.part or sorted(path.stem for path in folder.glob("*.log"))
    for name in names:
        path = lab.log(name)
        if not path.exists():
            known = ", ".join(sorted(found.stem for found in folder.glob("*.log"))) or "none"
            message = f"there is no log of {name!r}; there are: {known}"
            raise LabError(message)
        print(f"==> {path} <==")
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        print("\n".join(lines[-chosen.lines :]))
    return 0


def _defects(_: argparse.Namespace) -> int:
    # Heavy for the other commands: it imports every defect.
    from lab import breaking  # noqa: PLC0415

    active = Lab.from_environment().state().broken
    for name, defect in breaking.catalogue().items():
        print(f"{'*' if name in active else ' '} {name}: {defect.breaks}")
    return 0


def _break(chosen: argparse.Namespace) -> int:
    from lab import breaking  # noqa: PLC0415 - as above

    breaking.break_(Lab.attach(Lab.from_environment().directory), chosen.name)
    print(f"{chosen.name} is active; undo it with: python -m lab mend {chosen.name}")
    return 0


def _mend(chosen: argparse.Namespace) -> int:
    from lab import breaking  # noqa: PLC0415 - as above

    lab = Lab.attach(Lab.from_environment().directory)
    names = [chosen.name] if chosen.name else list(reversed(lab.state().broken))
    for name in names:
        breaking.mend(lab, name)
        print(f"{name} is undone")
    if not names:
        print("nothing is broken")
    return 0


if __name__ == "__main__":
    sys.exit(main())
