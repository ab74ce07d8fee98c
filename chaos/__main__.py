"""`python -m chaos`: experiments planned, judged again, played as a game day. To do them there is `pytest chaos`."""

from __future__ import annotations

import argparse
import os
import signal
import sys

from chaos import gameday, planning, recovering, showing
from selfcheck.contract import ContractError
from selfcheck.observation import CouldNotObserve, RefusedError
from selfcheck.run import EXIT_INCONCLUSIVE, EXIT_REFUSED
from selfcheck.settings import SettingsError

_EXIT_INTERRUPTED = 2
_EXIT_USAGE = 4

_COMMANDS = (planning, showing, gameday, recovering)
"""Each has `add`, which says what its command is called and which function runs it."""


def main(arguments: list[str] | None = None) -> int:
    """Run a command; gives the exit code, as the gate's."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for module in _COMMANDS:
        module.add(commands)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code: int = options.run(options)
    except (SettingsError, ContractError) as error:
        return _said(str(error), _EXIT_USAGE)
    except RefusedError as error:
        return _said(f"refused: {error}", EXIT_REFUSED)
    except CouldNotObserve as error:
        return _said(str(error), EXIT_INCONCLUSIVE)
    except KeyboardInterrupt:
        return _said("interrupted", _EXIT_INTERRUPTED)
    _flush()
    return code


def _flush() -> None:
    """Keep a reader that has left (`| head`) from being an error of the command, here and when the process ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _said(sentence: str, code: int) -> int:
    sys.stderr.write(f"{sentence}\n")
    return code


def _interrupt(number: int, _: object) -> None:
    raise KeyboardInterrupt(number)


if __name__ == "__main__":
    sys.exit(main())
