"""States over time as bars in lanes, drawn to stand below plots of the same run.

What a state is shows in the height and filling of its bar and in a word, so that no colour is needed to read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from load import wording
from load.report.markup import Markup, element, joined
from load.report.plots import Ink, Mark, Span, Time, moments_drawn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from chaos.report.story import Lane, Stretch

LEFT = 62
"""Where time begins, in these and in the plots above them."""
WIDTH = 580
_RIGHT = WIDTH - 16.0
_HEADER = 22.0
_LANE = 38.0
_BAR = 13.0
_CHARACTER = 6.6
_MARK_NAMES = 20.0


class Look(StrEnum):
    """How a state is drawn."""

    THIN = "thin"
    """A thin line: nothing to see."""
    HOLLOW = "hollow"
    """An empty bar: on the way."""
    FULL = "full"
    """A filled bar: this is it."""
    GAP = "gap"
    """A dotted line: nobody knows."""


@dataclass(frozen=True, slots=True)
class Style:
    """The look of one state."""

    look: Look
    ink: str


BREAKERS: Mapping[str, Style] = {
    "closed": Style(Look.THIN, Ink.GOOD),
    "half-open": Style(Look.HOLLOW, Ink.WARN),
    "open": Style(Look.FULL, Ink.BAD),
    "unknown": Style(Look.GAP, Ink.PLAN),
}
REPLICAS: Mapping[str, Style] = {"up": Style(Look.THIN, Ink.GOOD), "down": Style(Look.FULL, Ink.BAD)}
ALERTS: Mapping[str, Style] = {"pending": Style(Look.HOLLOW, Ink.WARN), "firing": Style(Look.FULL, Ink.BAD)}
_UNKNOWN = Style(Look.GAP, Ink.PLAN)

STYLE = """
svg.plot text.inside { fill: var(--ground); font-weight: 600; font-size: 11px; }
svg.plot text.empty { font-size: 11px; fill: var(--ink); }
""".strip()


def drawn(
    title: str,
    says: str,
    lanes: Sequence[Lane],
    styles: Mapping[str, Style],
    *,
    end: float,
    moments: Sequence[Mark] = (),
    spans: Sequence[Span] = (),
) -> Markup:
    """Give a figure with a lane for each thing; there must be one at least."""
    across = Time(end)

    def x_of(value: float) -> float:
        return round(LEFT + across.place(value) * (_RIGHT - LEFT), 1)

    top = _HEADER
    bottom = top + _MARK_NAMES + _LANE * len(lanes) + 4
    height = bottom + 38
    parts: list[Markup] = [element("title", title), element("desc", f"{says} {told(lanes)}".strip())]
    for span in spans:
        start, stop = x_of(span.start), x_of(span.end)
        width = round(max(0.0, stop - start), 1)
        parts.append(element("rect", class_="span", x=start, y=top, width=width, height=round(bottom - top, 1)))
    parts += _axis([(x_of(value), text) for value, text in across.ticks()], bottom)
    parts += moments_drawn(moments, x_of, top, bottom, _RIGHT, first_line=0)
    for number, lane in enumerate(lanes):
        middle = top + _MARK_NAMES + _LANE * number + 26
        parts.append(_text(lane.name, LEFT + 4, middle - 11, "name over"))
        for stretch in lane.stretches:
            parts += _bar(stretch, styles.get(stretch.state, _UNKNOWN), x_of(stretch.start), x_of(stretch.end), middle)
        parts += (_marker(kind, x_of(at), middle, at) for kind, at in lane.moments)
    parts += _legend(lanes, styles)
    picture = element(
        "svg", *parts, class_="plot", role="img", aria_label=title, viewBox=f"0 0 {WIDTH} {round(height, 1)}"
    )
    return element("figure", element("figcaption", element("strong", title), " ", says), picture)


def told(lanes: Iterable[Lane]) -> str:
    """Say in words what the lanes show, for those who cannot see them."""
    return " ".join(f"{lane.name}: {_course(lane)}." for lane in lanes)


def _course(lane: Lane) -> str:
    parts = [
        f"{part.state} from {wording.clock(part.start)} to {wording.clock(part.end)}" for part in lane.stretches[:20]
    ]
    parts += [f"{kind} at {wording.clock(at)}" for kind, at in lane.moments[:20]]
    return ", ".join(parts) or "nothing"


def _axis(places: Sequence[tuple[float, str]], bottom: float) -> Iterator[Markup]:
    yield element("line", class_="axis", x1=LEFT, x2=_RIGHT, y1=bottom, y2=bottom)
    free_from = 0.0
    for x, text in places:
        half = len(text) * _CHARACTER / 2
        if x - half < free_from:
            continue
        free_from = x + half + _CHARACTER
        yield element("line", class_="axis", x1=x, x2=x, y1=bottom, y2=bottom + 4)
        over = max(0.0, x + half - WIDTH + 2)
        yield _text(text, x - over, bottom + 16, None, anchor="middle")
    yield _text("time since the beginning", (LEFT + _RIGHT) / 2, bottom + 32, "name", anchor="middle")


def _bar(stretch: Stretch, style: Style, start: float, end: float, middle: float) -> Iterator[Markup]:
    width = round(max(1.5, end - start), 1)
    tip = element("title", f"{stretch.state}, {wording.clock(stretch.start)} to {wording.clock(stretch.end)}")
    ink = f"var(--{style.ink})"
    if style.look in {Look.THIN, Look.GAP}:
        dash = "stroke-dasharray:1 4;" * (style.look is Look.GAP)
        yield element(
            "line", tip, x1=start, x2=start + width, y1=middle, y2=middle, style=f"{dash}stroke:{ink};stroke-width:2"
        )
        return
    box = {"x": start, "y": round(middle - _BAR / 2, 1), "width": width, "height": _BAR, "rx": 2}
    if style.look is Look.HOLLOW:
        yield element("rect", tip, **box, style=f"fill:var(--ground);stroke:{ink};stroke-width:1.5")
    else:
        yield element("rect", tip, **box, style=f"fill:{ink}")
    if len(stretch.state) * _CHARACTER + 6 < width:
        yield _text(stretch.state, start + 4, middle + 4, "inside" if style.look is Look.FULL else "empty")


def _marker(kind: str, x: float, middle: float, at: float) -> Markup:
    """A wedge below the bar; what ends something is hollow."""
    ends = kind == "resolved"
    top = round(middle + _BAR / 2 + 1, 1)
    look = "fill:var(--ground);stroke:var(--ink)" if ends else "fill:var(--ink);stroke:var(--ink)"
    tip = element("title", f"{kind} at {wording.clock(at)}")
    return element("path", tip, d=f"M{x} {top}l-4.5 8.5h9z", style=look)


def _legend(lanes: Sequence[Lane], styles: Mapping[str, Style]) -> Iterator[Markup]:
    states = {part.state for lane in lanes for part in lane.stretches}
    x = 4.0
    for state, style in styles.items():
        if state not in states:
            continue
        ink = f"var(--{style.ink})"
        if style.look in {Look.THIN, Look.GAP}:
            dash = "stroke-dasharray:1 4;" * (style.look is Look.GAP)
            yield element("line", x1=x, x2=x + 18, y1=12, y2=12, style=f"{dash}stroke:{ink};stroke-width:2")
        else:
            fill = ink if style.look is Look.FULL else "none"
            look = f"fill:{fill};stroke:{ink};stroke-width:1.5"
            yield element("rect", x=x, y=7, width=18, height=10, rx=2, style=look)
        yield _text(state, x + 24, 16, "name")
        x += 24 + len(state) * _CHARACTER + 14
    for kind in dict.fromkeys(kind for lane in lanes for kind, _ in lane.moments):
        yield _marker(kind, x + 8, 12 - _BAR / 2 - 5, 0.0)
        yield _text(kind, x + 20, 16, "name")
        x += 20 + len(kind) * _CHARACTER + 14


def _text(text: str, x: float, y: float, class_: str | None, *, anchor: str | None = None) -> Markup:
    return element("text", text, x=round(x, 1), y=round(y, 1), class_=class_, text_anchor=anchor)


def beside(*figures: Markup) -> Markup:
    """Give figures in two columns where there is room."""
    return element("div", joined(*figures), class_="figures columns-2")
