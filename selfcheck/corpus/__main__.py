"""Writes a payload to standard output, for commands that a person repeats: `python -m selfcheck.corpus NAME`."""

import argparse
import sys

from selfcheck import corpus


def main(arguments: list[str] | None = None) -> int:
    """Write one payload; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m selfcheck.corpus", description=__doc__)
    parser.add_argument("name", choices=[*corpus.names(), "pages"], metavar="NAME")
    parser.add_argument("--bytes", type=int, help="make a PNG exactly so large")
    parser.add_argument("--pages", type=int, default=1, help="of the PDF `pages`")
    options = parser.parse_args(arguments)
    if options.name == "pages":
        made = corpus.paged(options.pages, "by-hand")
    elif options.bytes is not None:
        made = corpus.sized(options.name, "by-hand", options.bytes)
    else:
        made = corpus.payload(options.name, "by-hand")
    sys.stdout.buffer.write(made.content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
