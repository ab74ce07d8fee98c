"""What live views share: a place on a terminal that is drawn over, and that nobody need read to the end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from rich.console import RenderableType

WIDTH_MAX: Final = 80
LABEL: Final = 10
"""Columns that the label of a line takes."""
_SPARKS: Final = "▁▂▃▄▅▆▇█"


def can_draw(stream: TextIO) -> bool:
    """Tell whether a stream is a terminal on which lines can be drawn over."""
    return stream.isatty() and os.environ.get("TERM", "") not in {"", "dumb", "unknown"}


class _Console(Console):
    """A console that lets its user know that nobody reads any more; rich's own would end the process."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class Screen:
    """A few lines of a terminal that are drawn over until `close`; a terminal that is gone ends it without an error."""

    def __init__(self, stream: TextIO) -> None:
        self._console = _Console(file=stream, highlight=False)
        # No thread of its own (`auto_refresh`), and what others print is theirs (`redirect_...`).
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        self._works = True
        self._attempt(lambda: stream.write("\n"))  # pytest's line of progress has not ended
        self._attempt(self._live.start)

    @property
    def width(self) -> int:
        """The columns that may be drawn on."""
        return min(WIDTH_MAX, self._console.width)

    def draw(self, make: Callable[[], RenderableType]) -> None:
        """Draw over what is there; nothing is made where nobody looks any more."""
        self._attempt(lambda: self._live.update(make(), refresh=True))

    def close(self) -> None:
        """Leave the terminal as it was before, with the last lines on it."""
        self._attempt(self._live.stop)

    def _attempt(self, draw: Callable[[], object]) -> None:
        if not self._works:
            return
        try:
            draw()
        except (OSError, ValueError):  # the terminal is gone
            self._works = False


def heading(title: str, right: str, width: int) -> Table:
    """Give a line with a title that is cut where it is too long, and a text at its right end."""
    head = Table.grid(expand=False, padding=0)
    head.width = width
    head.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    head.add_column(justify="right", no_wrap=True)
    head.add_row(Text(title, "bold"), Text(f" {right}", "dim"))
    return head


def spark(part: float) -> str:
    """Give a bar of one column for a part (0..1) of the whole."""
    return _SPARKS[min(len(_SPARKS) - 1, int(part * len(_SPARKS)))]
