"""The generator: plays a plan against its target and writes what happened.

    python -m load.engine PLAN.json RECORD.json
    python -m load.engine PLAN.json RECORD.json --bind 10.0.0.5:5557 --elsewhere 2
    python -m load.engine --worker 10.0.0.5:5557

It is a process of its own, because Locust and gevent change the whole process that they run in. Target, contract and
credentials come from the settings (SELF_CHECK_...); the plan says the rest. With more than one worker it starts them;
with `--elsewhere` so many of them are started by hand, on other machines, with the same settings.

Once a second it prints a line of JSON that says how far it is. SIGINT, SIGTERM, or the end of standard input where that
is a pipe, end the run early: then the record has what was done until then. It ends with 0 when the record is written,
with 2 when it was called wrongly, else with 1 and a sentence that says why.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

_LOOPBACK = ("127.0.0.1", 0)


def parsed(arguments: list[str]) -> argparse.Namespace:
    """Read the command line; ends the program when it is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m load.engine", description="Plays a plan and records what happened."
    )
    parser.add_argument("plan", nargs="?", type=Path, metavar="PLAN", help="what `load.plan.write` wrote")
    parser.add_argument("record", nargs="?", type=Path, metavar="RECORD", help="where the record goes")
    parser.add_argument(
        "--bind", type=_address, default=_LOOPBACK, metavar="HOST:PORT", help="where workers find this process"
    )
    parser.add_argument(
        "--elsewhere", type=int, default=0, metavar="N", help="so many of the plan's workers are started by hand"
    )
    parser.add_argument("--worker", type=_address, metavar="HOST:PORT", help="be a worker of the process there")
    parser.add_argument("--index", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--parent", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if (options.worker is None) == (options.plan is None) or (options.plan is None) != (options.record is None):
        parser.error("give PLAN and RECORD, or --worker with the address of the process that leads")
    return options


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        message = f"{text!r} is no HOST:PORT"
        raise argparse.ArgumentTypeError(message)
    return host, int(port)


def main() -> int:
    """Run the generator, or one of its workers; gives the exit code."""
    options = parsed(sys.argv[1:])
    # Before anything else that opens sockets or starts threads is loaded.
    from gevent import monkey  # noqa: PLC0415

    monkey.patch_all()

    from load import conducting  # noqa: PLC0415

    try:
        return conducting.main(options)
    except KeyboardInterrupt:  # before the run had begun; from then on it is a wish to end, and heard as one
        sys.stderr.write("ended by SIGINT before the run began; nothing was sent\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
