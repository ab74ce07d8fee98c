"""The live view of a load test: a few lines that follow it on a terminal, and a plain line now and then elsewhere."""

from __future__ import annotations

import contextlib
import math
from collections import deque
from typing import TYPE_CHECKING, Protocol

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from load import wording
from load.drawing import LABEL, Screen, can_draw, heading, spark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, TextIO

PLAIN_SECONDS = 5.0
"""How often a line is printed where the output is not a terminal."""
_SPARK_SECONDS = 30


class View(Protocol):
    """What follows a run."""

    def update(self, progress: Mapping[str, Any]) -> None:
        """Show how far the run is; called once a second with the generator's progress."""


@contextlib.contextmanager
def live_view(stream: TextIO, title: str) -> Iterator[View]:
    """Follow a run on a stream until the block ends, however it ends; a terminal is then as it was before.

    A stream that can no longer be written to (`| head`) ends the view and not the run.
    """
    view: _Drawn | _Plain = _Drawn(stream, title) if can_draw(stream) else _Plain(stream, title)
    try:
        yield view
    finally:
        view.close()


class _Plain:
    """Prints a line every few seconds of the run, and the last one."""

    def __init__(self, stream: TextIO, title: str) -> None:
        self._stream = stream
        self._title = title
        self._next = 0.0
        self._unsaid: Mapping[str, Any] = {}
        self._before = "\n"  # pytest's line of progress has not ended

    def update(self, progress: Mapping[str, Any]) -> None:
        self._unsaid = progress
        elapsed = _figure(progress, "elapsed")
        if elapsed >= self._next:
            self._next = PLAIN_SECONDS * (math.floor(elapsed / PLAIN_SECONDS) + 1)
            self._say()

    def close(self) -> None:
        if self._unsaid:
            self._say()

    def _say(self) -> None:
        progress, self._unsaid = self._unsaid, {}
        # A closed stream is a ValueError, a closed pipe an OSError.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(f"{self._before}{self._title}: {_sentence(progress)}\n")
            self._stream.flush()
        self._before = ""


def _sentence(progress: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{_count(progress, key)} {word}" for key, word in _COUNTS.items())
    elapsed, whole = _figure(progress, "elapsed"), _figure(progress, "of")
    return (
        f"{min(elapsed, whole):.0f} of {wording.clock(whole)}: {counts},"
        f" p50 {_latency(progress, 'p50')}, p95 {_latency(progress, 'p95')}"
    )


_COUNTS = {
    "planned": "planned",
    "started": "started",
    "finished": "answered",
    "errors": "errors",
    "limited": "limited",
    "dropped": "dropped",
    "in_flight": "in flight",
}


class _Drawn:
    """Draws a few lines that are drawn over once a second."""

    def __init__(self, stream: TextIO, title: str) -> None:
        self._screen = Screen(stream)
        self._title = title
        self._rates: deque[float] = deque(maxlen=_SPARK_SECONDS)
        self._before: tuple[float, float] = (0.0, 0.0)

    def update(self, progress: Mapping[str, Any]) -> None:
        self._note_rate(progress)
        self._screen.draw(lambda: self._lines(progress))

    def close(self) -> None:
        self._screen.close()

    def _note_rate(self, progress: Mapping[str, Any]) -> None:
        elapsed, finished = _figure(progress, "elapsed"), _figure(progress, "finished")
        before, finished_before = self._before
        if elapsed > before:
            self._rates.append(max(0.0, finished - finished_before) / (elapsed - before))
            self._before = elapsed, finished

    def _lines(self, progress: Mapping[str, Any]) -> Group:
        width = self._screen.width
        elapsed, whole = _figure(progress, "elapsed"), _figure(progress, "of")
        workers = _figure(progress, "workers")
        head = heading(self._title, f"{wording.count(workers)} {'worker' if workers == 1 else 'workers'}", width)
        bar = Table.grid(padding=(0, 1, 0, 0))
        bar.width = width
        bar.add_column(ratio=1)
        bar.add_column(justify="right", no_wrap=True)
        state = f"{wording.clock(math.floor(elapsed))} of {wording.clock(whole)}"
        if elapsed >= whole:
            waiting = _figure(progress, "in_flight")
            state = (
                f"waiting for {wording.count(waiting)} answers" if waiting else f"{wording.clock(whole)}, all answered"
            )
        bar.add_row(ProgressBar(total=max(whole, 1e-9), completed=min(elapsed, whole)), state)
        return Group(head, bar, *(_fitted(line, width) for line in self._figures(progress)))

    def _figures(self, progress: Mapping[str, Any]) -> Iterator[Text]:
        rate = self._rates[-1] if self._rates else math.nan
        yield _labelled("answered", f"{wording.rate(rate):>9} now", f"{_count(progress, 'finished'):>7} in all").append(
            f"   {_sparks(self._rates)}", "cyan"
        )
        yield _labelled("latency", f"p50 {_latency(progress, 'p50'):>7}", f"p95 {_latency(progress, 'p95'):>7}")
        yield _labelled(
            "requests",
            f"{_count(progress, 'planned'):>7} planned",
            f"{_count(progress, 'started'):>7} started",
            f"{_count(progress, 'in_flight')} in flight",
        )
        line = _labelled("trouble")
        for number, (key, style) in enumerate((("errors", "bold red"), ("dropped", "bold red"), ("limited", "yellow"))):
            text = f"{_count(progress, key):>7} {key}"
            line.append("   " if number else "").append(text, style if _figure(progress, key) else "dim")
        yield line


def _labelled(label: str, *texts: str) -> Text:
    return Text(f"{label:<{LABEL}}", "dim").append(Text("   ".join(texts), "not dim"))


def _fitted(line: Text, width: int) -> Text:
    line.truncate(width, overflow="ellipsis")
    return line


def _sparks(rates: deque[float]) -> str:
    highest = max(rates, default=0.0)
    if not highest:
        return ""
    return "".join(spark(rate / highest) for rate in rates)


def _figure(progress: Mapping[str, Any], key: str) -> float:
    """Give a figure of the progress; 0 for one that is missing, because a view must never end a run."""
    value = progress.get(key)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0


def _count(progress: Mapping[str, Any], key: str) -> str:
    return wording.count(_figure(progress, key))


def _latency(progress: Mapping[str, Any], key: str) -> str:
    """Give a latency; a dash before the first answer."""
    return wording.duration(_figure(progress, key) or math.nan)
