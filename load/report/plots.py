"""Plots as SVG, drawn here: no script, no network, no library, readable in light and in dark.

A plot is a frame with two scales and what lies in it: series, limits, moments and spans. Values beyond a scale are
drawn at its edge, a value that is not known (None, or not a number) interrupts its line, and each place on the
horizontal axis has a tooltip with the values there. Series differ in their dashes as well as in colour, for print and
for eyes that see colours otherwise.
"""

from __future__ import annotations

import bisect
import itertools
import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from load import wording
from load.report.markup import Markup, element, joined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_FONT = 12
_CHARACTER = 6.6  # the mean width of a character at this size
_LINE = 18
_TICKS = 5
_ZEROS = re.compile(r"\.(\d*?)0+(?!\d)")
_TIPS_MAX = 200
"""More tooltips than this are too narrow to point at."""

STYLE = """
svg.plot {
  --ink: #24292f; --faint: #6e7781; --grid: #d8dee4; --plan: #8c959f; --good: #0969da; --bad: #cf222e; --warn: #9a6700;
  --other: #8250df; --ground: #ffffff; --span: #818b981f;
  --s1: #0969da; --s2: #bc4c00; --s3: #1a7f37; --s4: #8250df;
  --s5: #bf3989; --s6: #9a6700; --s7: #57606a; --s8: #0a7b83;
  font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; display: block; width: 100%; height: auto;
}
svg.plot text { fill: var(--faint); }
svg.plot text.name { fill: var(--ink); }
svg.plot text.over { paint-order: stroke; stroke: var(--ground); stroke-width: 3px; stroke-linejoin: round; }
svg.plot .grid { stroke: var(--grid); stroke-width: 1; }
svg.plot .axis { stroke: var(--faint); stroke-width: 1; }
svg.plot .ground { fill: var(--ground); }
svg.plot .span { fill: var(--span); }
svg.plot .limit { stroke: var(--bad); stroke-width: 1.25; stroke-dasharray: 7 4; }
svg.plot .moment { stroke: var(--ink); stroke-width: 1.25; stroke-dasharray: 2 3; }
svg.plot .tip { fill: transparent; }
svg.plot .tip:hover { fill: var(--span); }
svg.plot .line { fill: none; stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
svg.plot .fill { stroke: none; fill-opacity: .22; }
svg.plot .dashed { stroke-dasharray: 6 4; }
svg.plot .dotted { stroke-dasharray: 1 4; }
@media (prefers-color-scheme: dark) {
  svg.plot {
    --ink: #e6edf3; --faint: #9198a1; --grid: #30363d; --plan: #8b949e; --good: #58a6ff; --bad: #ff7b72;
    --warn: #e3b341; --other: #bc8cff; --ground: #0d1117; --span: #818b982e;
    --s1: #58a6ff; --s2: #ffa657; --s3: #56d364; --s4: #bc8cff;
    --s5: #f778ba; --s6: #e3b341; --s7: #b1bac4; --s8: #39c5cf;
  }
}
""".strip()


class Ink(StrEnum):
    """What a colour stands for, the same in all plots."""

    PLAN = "plan"
    GOOD = "good"
    BAD = "bad"
    WARN = "warn"
    OTHER = "other"


INKS = tuple(f"s{number}" for number in range(1, 9))
"""Colours that only tell series apart; a plot with more series than these is not readable anyway."""


class Form(StrEnum):
    """How a series is drawn."""

    LINE = "line"
    """Straight from point to point."""
    STEPS = "steps"
    """Each value until the next place."""
    AREA = "area"
    """As STEPS, with the area below filled."""
    SLOPE = "slope"
    """As LINE, with the area below filled."""
    DOTS = "dots"
    """Points alone."""
    RINGS = "rings"
    """Likewise, hollow."""
    CROSSES = "crosses"
    """Likewise, as crosses: for what must be told from dots without its colour."""
    RUG = "rug"
    """A short stroke upwards from each point."""


class Dash(StrEnum):
    """How the line of a series is broken."""

    NONE = ""
    DASHED = "dashed"
    DOTTED = "dotted"


@dataclass(frozen=True, slots=True)
class Series:
    """What one line shows; points are in order of their place, and what is not known interrupts the line."""

    name: str
    points: Sequence[tuple[float, float | None]]
    ink: str
    form: Form = Form.LINE
    dash: Dash = Dash.NONE
    continues: bool = False
    """Belongs to the series before it: no entry of its own in the legend, no values in tooltips."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A value with a name: a limit across the plot, or a moment down it."""

    name: str
    at: float


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the horizontal axis with a name."""

    name: str
    start: float
    end: float


class Scale(Protocol):
    """Where a value lies between the two ends of an axis, and which values are written at it."""

    def place(self, value: float) -> float:
        """Give 0 for the beginning to 1 for the end; what lies beyond is at the end."""

    def ticks(self) -> Sequence[tuple[float, str]]:
        """Give values and how they are written."""

    def write(self, value: float) -> str:
        """Write any value."""


class Linear:
    """From 0, or a round number not above `low`, to one not below `high`; with `exact`, to `high` itself."""

    def __init__(self, high: float, write: Callable[[float], str], *, low: float = 0.0, exact: bool = False) -> None:
        reach = high - low if math.isfinite(high - low) and high > low else 1.0
        self._step = _round_step(reach / _TICKS)
        self._low = self._step * math.floor(low / self._step + 1e-9)
        self._high = low + reach if exact else self._step * math.ceil((low + reach) / self._step - 1e-9)
        self._write = write

    def place(self, value: float) -> float:
        """Give 0 for the beginning to 1 for the end; what lies beyond is at the end."""
        return _within((value - self._low) / (self._high - self._low))

    def ticks(self) -> Sequence[tuple[float, str]]:
        """Give multiples of 1, 2, 2.5 or 5 of a power of ten."""
        first = math.ceil(self._low / self._step - 1e-9)
        last = math.floor(self._high / self._step + 1e-9)
        values = (number * self._step for number in range(first, last + 1))
        return [(value, _short(self._write(value))) for value in values]

    def write(self, value: float) -> str:
        """Write any value."""
        return self._write(value)


class Time:
    """Seconds since the start of a run, with ticks at times of a clock."""

    _STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400)

    def __init__(self, seconds: float) -> None:
        self._end = seconds if seconds > 0 else 1.0
        place = bisect.bisect_left(self._STEPS, self._end / (_TICKS + 1))
        self._step = self._STEPS[min(place, len(self._STEPS) - 1)]

    def place(self, value: float) -> float:
        """Give 0 for the beginning to 1 for the end; what lies beyond is at the end."""
        return _within(value / self._end)

    def ticks(self) -> Sequence[tuple[float, str]]:
        """Give times that a clock shows."""
        values = range(0, int(self._end) + 1, self._step)
        return [(float(value), wording.clock(value) if value else "0") for value in values]

    def write(self, value: float) -> str:
        """Write any moment."""
        return f"at {wording.clock(value)}"


class Logarithmic:
    """Each factor takes the same room, so that milliseconds and a stall of seconds can both be read."""

    def __init__(self, low: float, high: float, write: Callable[[float], str]) -> None:
        self._low = math.log10(low)
        self._high = max(math.log10(high), self._low + 0.1)
        self._write = write

    def place(self, value: float) -> float:
        """Give 0 for the beginning to 1 for the end; what lies beyond is at the end."""
        return _within((math.log10(value) - self._low) / (self._high - self._low)) if value > 0 else 0.0

    def ticks(self) -> Sequence[tuple[float, str]]:
        """Give powers of ten, and 2 and 5 between them where there is room."""
        factors = (1, 2, 5) if self._high - self._low < 2.2 else (1,)
        powers = range(math.floor(self._low), math.ceil(self._high) + 1)
        values = (factor * 10.0**power for power in powers for factor in factors)
        return [
            (value, _short(self._write(value)))
            for value in values
            if self._low - 1e-9 <= math.log10(value) <= self._high + 1e-9
        ]

    def write(self, value: float) -> str:
        """Write any value."""
        return self._write(value)


class Tail:
    """Quantiles from the median on, each further nine with the same room: p90, p99 and p99.9 are equally far apart."""

    _SHOWN = (0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999)

    def __init__(self, last: float) -> None:
        self._first = -math.log10(0.5)
        self._last = max(1.0, -math.log10(1 - min(last, self._SHOWN[-1])))

    def place(self, value: float) -> float:
        """Give 0 for the beginning to 1 for the end; what lies beyond is at the end."""
        nines = -math.log10(1 - value) if value < 1 else math.inf
        return _within((nines - self._first) / (self._last - self._first))

    def ticks(self) -> Sequence[tuple[float, str]]:
        """Give the quantiles that people name."""
        last = 1 - 10**-self._last
        return [(q, wording.quantile(q)) for q in self._SHOWN if q <= last + 1e-9]

    def write(self, value: float) -> str:
        """Name any quantile."""
        return wording.quantile(value)


def fitting(values: Iterable[float], write: Callable[[float], str]) -> Scale:
    """Give a scale from 0, or a logarithmic one for positive values that lie far apart."""
    known = [value for value in values if math.isfinite(value)]
    positive = [value for value in known if value > 0]
    if positive and max(positive) / min(positive) > 30:
        return Logarithmic(_rounded_down(min(positive)), _rounded_up(max(positive)), write)
    return Linear(max(known, default=0.0) * 1.05, write)


def close_up(values: Sequence[float], write: Callable[[float], str]) -> Scale:
    """Give a scale around values that change little, so that a slow growth shows; from 0 for others.

    What is shown is never less than a fifth of the highest value, so that noise does not look like growth.
    """
    high, low = max(values, default=1.0), min(values, default=0.0)
    if low <= high / 2:
        return Linear(high * 1.05, write, low=min(0.0, low))
    margin = max(0.0, high / 5 - (high - low)) / 2
    return Linear(high + margin, write, low=low - margin)


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot; `says` describes in a sentence what it shows, for those who cannot see it."""

    title: str
    says: str
    across: Scale
    across_name: str
    up: Scale
    up_name: str
    series: Sequence[Series]
    limits: Sequence[Mark] = ()
    moments: Sequence[Mark] = ()
    spans: Sequence[Span] = ()
    width: int = 580
    height: int = 290
    left: int = 0
    """Room for the texts of the vertical axis, at least: plots that are compared have their time at the same places."""


POINTS = (Form.DOTS, Form.RINGS, Form.CROSSES)


def svg(plot: Plot, *, standalone: bool = False) -> Markup:
    """Draw a plot as an element for a page that has `STYLE`, or as a file of its own."""
    frame = _Frame(plot)
    parts = [
        element("title", plot.title),
        element("desc", plot.says or plot.title),
        element("style", Markup(STYLE)) if standalone else None,
        # What is light or dark is the reader's system, and the page around a picture may be neither.
        element("rect", class_="ground", width=plot.width, height=plot.height) if standalone else None,
        *frame.spans(),
        *frame.grid(),
        *itertools.chain.from_iterable(map(frame.series, plot.series)),
        *frame.marks(),
        *frame.legend(),
        *frame.tips(),
    ]
    return element(
        "svg",
        *parts,
        class_="plot",
        role="img",
        aria_label=plot.title,
        viewBox=f"0 0 {plot.width} {plot.height}",
        xmlns="http://www.w3.org/2000/svg" if standalone else None,
        # A picture in a page has no size of its own unless its file says so.
        width=plot.width if standalone else None,
        height=plot.height if standalone else None,
    )


class _Frame:
    """Where things are on one plot."""

    def __init__(self, plot: Plot) -> None:
        self._plot = plot
        self._up_ticks = plot.up.ticks()
        self._legend = _legend_lines(plot)
        longest = max((len(text) for _, text in self._up_ticks), default=1)
        self._left = max(plot.left, min(14 + longest * (_CHARACTER + 1), plot.width * 0.4))
        self._right = plot.width - 16.0
        self._top = 14.0 + _LINE * (1 + len(self._legend))
        self._bottom = plot.height - 12.0 - 2 * _LINE

    def x(self, value: float) -> float:
        return round(self._left + self._plot.across.place(value) * (self._right - self._left), 1)

    def y(self, value: float) -> float:
        return round(self._bottom - self._plot.up.place(value) * (self._bottom - self._top), 1)

    def grid(self) -> Iterable[Markup]:
        plot = self._plot
        for value, text in self._up_ticks:
            y = self.y(value)
            yield element("line", class_="grid", x1=self._left, x2=self._right, y1=y, y2=y)
            yield _text(text, self._left - 6, y + 4, anchor="end")
        yield element("line", class_="axis", x1=self._left, x2=self._right, y1=self._bottom, y2=self._bottom)
        free_from = -math.inf
        for value, text in plot.across.ticks():
            x, half = self.x(value), len(text) * _CHARACTER / 2
            if x - half < free_from:
                continue  # there is no room for its text
            free_from = x + half + _CHARACTER
            yield element("line", class_="axis", x1=x, x2=x, y1=self._bottom, y2=self._bottom + 4)
            over = x + half - plot.width + 2
            yield _text(text, x - max(0.0, over), self._bottom + 4 + _FONT, anchor="middle")
        yield _text(plot.up_name, 4, 4 + _FONT, class_="name")
        yield _text(plot.across_name, (self._left + self._right) / 2, plot.height - 6, anchor="middle", class_="name")

    def spans(self) -> Iterable[Markup]:
        for span in self._plot.spans:
            start, end = self.x(span.start), self.x(span.end)
            box = element(
                "rect",
                class_="span",
                x=start,
                y=self._top,
                width=round(max(0.0, end - start), 1),
                height=self._bottom - self._top,
            )
            yield box
            # Beside a narrow span its name stands where the span ends.
            yield _text(span.name, start + 4 if _room(span.name) < end - start else end + 4, self._top + _FONT)

    def series(self, series: Series) -> Iterable[Markup]:
        if series.form in POINTS:
            for place, value in series.points:
                if value is not None and math.isfinite(value):
                    yield _point(series, self.x(place), self.y(value))
            return
        if series.form is Form.RUG:
            strokes = (
                f"M{_tidy(self.x(place))} {_tidy(self.y(value))}v-9"
                for place, value in series.points
                if value is not None and math.isfinite(value)
            )
            yield element("path", class_="line", d="".join(strokes), style=f"stroke:var(--{series.ink});stroke-width:1")
            return
        for run in _unbroken(series.points):
            corners = self._corners(series.form, run)
            path = "M" + "L".join(f"{_tidy(x)} {_tidy(y)}" for x, y in corners)
            if series.form in {Form.AREA, Form.SLOPE}:
                closed = f"{path}V{_tidy(self._bottom)}H{_tidy(corners[0][0])}Z"
                yield element("path", class_="fill", d=closed, style=f"fill:var(--{series.ink})")
            yield element("path", class_=f"line {series.dash}".rstrip(), d=path, style=f"stroke:var(--{series.ink})")
            if len(corners) == 1:  # a line of one point cannot be seen
                x, y = corners[0]
                yield element("circle", cx=x, cy=y, r=2.5, style=f"fill:var(--{series.ink})")

    def _corners(self, form: Form, run: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        places = [(self.x(place), self.y(value)) for place, value in run]
        if form not in {Form.STEPS, Form.AREA}:
            return places
        corners = places[:1]
        for (_, y), (next_x, next_y) in itertools.pairwise(places):
            corners += [(next_x, y), (next_x, next_y)]
        return corners

    def marks(self) -> Iterable[Markup]:
        for limit in self._plot.limits:
            y = self.y(limit.at)
            yield element("line", class_="limit", x1=self._left, x2=self._right, y1=y, y2=y)
        yield from moments_drawn(self._plot.moments, self.x, self._top, self._bottom, self._right)

    def legend(self) -> Iterable[Markup]:
        for number, line in enumerate(self._legend):
            x, y = 4.0, 4.0 + _FONT + _LINE * (number + 1)
            for entry in line:
                if isinstance(entry, Mark):
                    yield element("line", class_="limit", x1=x, x2=x + 18, y1=y - 4, y2=y - 4)
                elif entry.form in POINTS:
                    yield _point(entry, x + 9, y - 4)
                else:
                    look, stroke = f"line {entry.dash}".rstrip(), f"stroke:var(--{entry.ink})"
                    yield element("line", class_=look, x1=x, x2=x + 18, y1=y - 4, y2=y - 4, style=stroke)
                yield _text(entry.name, x + 24, y, class_="name")
                x += _entry_width(entry)

    def tips(self) -> Iterable[Markup]:
        """Give an invisible column for each place at which a series has a value, with the values there."""
        plot = self._plot
        told = [series for series in plot.series if not series.continues and series.form is not Form.RUG]
        values = {id(series): dict(series.points) for series in told}
        places = sorted({place for series in told for place, _ in series.points})
        if len(places) > _TIPS_MAX:
            return
        steps = any(series.form in {Form.STEPS, Form.AREA} for series in told)
        for number, place in enumerate(places):
            known = [
                f"{series.name}: {plot.up.write(value)}"
                for series in told
                if (value := values[id(series)].get(place)) is not None
            ]
            before = places[number - 1] if number else place
            after = places[number + 1] if number + 1 < len(places) else place
            x = self.x(place)
            start = x if steps else (self.x(before) + x) / 2
            end = self.x(after) if steps else (self.x(after) + x) / 2
            if known and end > start:
                yield element(
                    "rect",
                    element("title", "\n".join([plot.across.write(place), *known])),
                    class_="tip",
                    x=_tidy(start),
                    y=_tidy(self._top),
                    width=_tidy(end - start),
                    height=_tidy(self._bottom - self._top),
                )


def moments_drawn(
    moments: Sequence[Mark],
    x_of: Callable[[float], float],
    top: float,
    bottom: float,
    right: float,
    first_line: int = 1,
) -> Iterable[Markup]:
    """Draw moments down a plot with their names, which step aside for each other, on lines of text from the top."""
    taken: list[tuple[float, float, int]] = []
    for moment in sorted(moments, key=lambda moment: moment.at):
        x = x_of(moment.at)
        yield element("line", class_="moment", x1=x, x2=x, y1=top, y2=bottom)
        room = _room(moment.name)
        start = x + 5 if x + 5 + room < right else x - 5 - room
        line = next(
            line
            for line in itertools.count(first_line)
            if all(line != other or start > end + 4 or start + room < begin - 4 for begin, end, other in taken)
        )
        taken.append((start, start + room, line))
        beside = (x + 5, "start") if start > x else (x - 5, "end")
        yield _text(moment.name, beside[0], top + _FONT + _LINE * line, anchor=beside[1], class_="name over")


def _point(series: Series, x: float, y: float) -> Markup:
    ink = f"var(--{series.ink})"
    if series.form is Form.CROSSES:
        path = f"M{_tidy(x - 3.5)} {_tidy(y - 3.5)}l7 7m0-7l-7 7"
        return element("path", class_="line", d=path, style=f"stroke:{ink}")
    if series.form is Form.RINGS:
        return element("circle", cx=_tidy(x), cy=_tidy(y), r=3, style=f"fill:none;stroke:{ink};stroke-width:1.5")
    return element("circle", cx=x, cy=y, r=3.5, style=f"fill:{ink}")


def _text(text: str, x: float, y: float, *, anchor: str | None = None, class_: str | None = None) -> Markup:
    return element("text", text, x=_tidy(x), y=_tidy(y), text_anchor=anchor, class_=class_)


def _legend_lines(plot: Plot) -> list[list[Series | Mark]]:
    """Break the legend into lines that fit; a single series needs none, its axis names it."""
    named: list[Series | Mark] = [series for series in plot.series if not series.continues]
    named += plot.limits
    if len(named) < 2:
        return []
    lines: list[list[Series | Mark]] = [[]]
    used = 0.0
    for entry in named:
        width = _entry_width(entry)
        if lines[-1] and used + width > plot.width:
            lines.append([])
            used = 0.0
        lines[-1].append(entry)
        used += width
    return lines


def _entry_width(entry: Series | Mark) -> float:
    return 24 + _room(entry.name) + 14


def _room(text: str) -> float:
    return len(text) * _CHARACTER


def _unbroken(points: Sequence[tuple[float, float | None]]) -> Iterable[list[tuple[float, float]]]:
    run: list[tuple[float, float]] = []
    for place, value in points:
        if value is not None and math.isfinite(value):
            run.append((place, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _round_step(least: float) -> float:
    """Give the smallest of 1, 2, 2.5 and 5 times a power of ten that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= least * (1 - 1e-9))


def _rounded_down(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return max(factor * power for factor in (1, 2, 5) if factor * power <= value * (1 + 1e-9))


def _rounded_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return min(factor * power for factor in (1, 2, 5, 10) if factor * power >= value * (1 - 1e-9))


def _short(text: str) -> str:
    """Leave out the zeros at the end of a fraction: a tick is a round number."""
    return _ZEROS.sub(lambda found: f".{found[1]}" if found[1] else "", text)


def _within(place: float) -> float:
    return min(1.0, max(0.0, place))


def _tidy(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def side_by_side(*plots: Plot, columns: int) -> Markup:
    """Give figures: plots with their titles and what they say, in so many columns where there is room."""
    drawn = (
        element("figure", element("figcaption", element("strong", plot.title), " ", plot.says), svg(plot))
        for plot in plots
    )
    return element("div", joined(*drawn), class_=f"figures columns-{columns}")
