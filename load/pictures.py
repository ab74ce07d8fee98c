"""Pictures of the shapes for the documentation: `docs/load/<kind>.svg`, and a page that shows them all.

They are drawn from the shapes themselves, so a picture cannot say anything else than the code does; a test asserts that
the committed files are what is drawn here. `python -m load.pictures` draws them again.
"""

from __future__ import annotations

import inspect
import math
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from load import wording
from load.arrivals import Spacing, due
from load.report.plots import Form, Ink, Linear, Plot, Series, Time, svg
from load.shapes import Replay, Shape
from selfcheck.report import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from load.shapes import Line

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "load"
_SEED = 1
_SHAPE: TypeAdapter[Shape] = TypeAdapter(Shape)
_RUG_ARRIVALS = 130

_REPLAYED = tuple(
    (60.0 * minute, 14 + 6 * math.sin(minute / 9) + (9 if 31 <= minute < 36 else 0) + minute * 7 % 3)
    for minute in range(61)
)
"""Stands for what Prometheus recorded in an hour: a slow swing, and a burst of five minutes."""

EXAMPLES = (
    'shape = { kind = "constant", rate = 20, duration_seconds = 300 }',
    'shape = { kind = "ramp", from_rate = 4, to_rate = 40, duration_seconds = 240, hold_seconds = 60 }',
    'shape = { kind = "step", rates = [10, 20, 40, 60, 80], step_seconds = 60 }',
    """\
[shape]
kind = "spike"
base_rate = 10
peak_rate = 40
before_seconds = 60
peak_seconds = 30
after_seconds = 120""",
    'shape = { kind = "soak", rate = 15, start_seconds = 300, duration_seconds = 14400 }',
    'shape = { kind = "points", through = [[0, 5], [60, 30], [90, 30], [90, 12], [180, 20], [240, 0]] }',
    """\
[shape]
kind = "replay"
query = "sum(rate(requests_total[5m]))"
window_seconds = 3600
step_seconds = 60
speed = 5""",
)
"""A shape of each kind, as the contract writes it."""


def drawn() -> Mapping[str, str]:
    """Give the content of all files of the folder, by name."""
    pictures = {f"{shape.kind}.svg": _picture(shape.kind, _line(shape)) for shape in map(_shape, EXAMPLES)}
    return {**pictures, "README.md": "\n".join(_page())}


def write(folder: Path = FOLDER) -> None:
    """Write all files; raises OSError."""
    for name, text in drawn().items():
        replace_file(folder / name, text)


def _shape(written: str) -> Shape:
    shape: Shape = _SHAPE.validate_python(tomllib.loads(written)["shape"])
    return shape


def _line(shape: Shape) -> Line:
    return shape.recorded(_REPLAYED) if isinstance(shape, Replay) else shape


def _picture(kind: str, line: Line) -> str:
    points = line.points()
    # So few that each can be seen: thinned out instead, random arrivals would look as if they came evenly.
    few = line.scaled(rate=_RUG_ARRIVALS / line.expected)
    up = Linear(line.rate_max * 1.08, wording.rate)
    plot = Plot(
        f"Shape {kind}",
        f"{line.expected:,.0f} requests in {wording.clock(line.seconds)}, at most {wording.rate(line.rate_max)};"
        f" below, how only {_RUG_ARRIVALS} would arrive: Poisson on the upper line, even on the lower.",
        Time(line.seconds),
        "time since the start",
        up,
        "requests a second",
        [
            Series("rate", points, Ink.GOOD, Form.SLOPE),
            Series(
                "Poisson arrivals",
                [(at, line.rate_max * 0.07) for at in due(few, Spacing.POISSON, _SEED)],
                Ink.OTHER,
                Form.RUG,
            ),
            Series("even arrivals", [(at, 0.0) for at in due(few, Spacing.EVEN, _SEED)], Ink.PLAN, Form.RUG),
        ],
        width=640,
        height=280,
    )
    return f"{svg(plot, standalone=True)}\n"


def _page() -> Iterator[str]:
    yield "# Shapes of load"
    yield ""
    yield (
        "How the rate of arrivals goes over a run; a profile in `contract/load.toml` names one. The strokes show how\n"
        f"{_RUG_ARRIVALS} requests would arrive: by `spacing`, at random (`poisson`, as clients who know nothing of\n"
        "each other) or at equal distances (`even`). Requests start at these times, whatever the platform answers."
    )
    yield ""
    yield "Drawn by `python -m load.pictures`; a test keeps them true."
    for written in EXAMPLES:
        shape = _shape(written)
        kind, line = shape.kind, _line(shape)
        says = inspect.cleandoc(type(shape).__doc__ or "").partition("\n\n")[0]
        yield ""
        yield f"## {kind}"
        yield ""
        yield says
        yield ""
        yield f"![{kind}: {line.expected:,.0f} requests in {wording.clock(line.seconds)}]({kind}.svg)"
        yield ""
        yield "```toml"
        yield written
        yield "```"
    yield ""


if __name__ == "__main__":
    write()
