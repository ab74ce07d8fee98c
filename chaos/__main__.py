"""`python -m chaos COMMAND`: what there is besides `pytest chaos`."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

from chaos import recovering

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    class Module(Protocol):
        """What a module of a command has."""

        HELP: str

        def add_options(self, parser: argparse.ArgumentParser, /) -> None:
            """Add the options of the command."""

        def main(self, options: argparse.Namespace, /) -> int:
            """Do it, and give the exit code."""


_EXIT_INTERRUPTED = 2

COMMANDS: Final[Mapping[str, Module]] = {
    "recover": recovering,
}
"""Each command is a module: a line of help, `add_options(parser)`, and `main(options)`, which gives the exit code."""


def main(arguments: list[str] | None = None) -> int:
    """Run a command; gives the exit code, as the gate's."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, module in COMMANDS.items():
        module.add_options(commands.add_parser(name, help=module.HELP, description=module.__doc__))
    options = parser.parse_args(arguments)
    try:
        return COMMANDS[options.command].main(options)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return _EXIT_INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
