"""What is drawn of a record: each function gives one plot, of what happened over time or of how long it took."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from load import wording
from load.promises import Growth, Saturation
from load.record import ERRORS, Durations, Fate
from load.report import figures
from load.report.figures import Times
from load.report.plots import (
    INKS,
    Dash,
    Form,
    Ink,
    Linear,
    Mark,
    Plot,
    Series,
    Span,
    Tail,
    Time,
    close_up,
    fitting,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from load.promises import ServerView
    from load.record import Course, Measured, Record
    from load.report.figures import Row
    from selfcheck.contract import Promise

_WORKERS_DRAWN_MAX = 8
_SERIES_POINTS_MAX = 600


def _span_and_end(record: Record) -> tuple[list[Span], list[Mark]]:
    """Give what is marked in all plots over time: the warm-up, and an end before its time."""
    spans = [Span("warm-up", 0.0, record.warm_up_seconds)] if record.warm_up_seconds else []
    ended = [Mark("ended", record.elapsed_seconds)] if record.elapsed_seconds < record.line[-1][0] else []
    return spans, ended


def rates(record: Record) -> Plot:
    """Draw how many requests a second were due over time, and what became of them; the record must have blocks."""
    moments = figures.moments(record)
    kinds: list[tuple[str, list[float], Ink, Form, Dash]] = [
        ("planned", [m.planned_rate for m in moments], Ink.PLAN, Form.AREA, Dash.NONE),
        ("as promised", [m.rate(Fate.OK) for m in moments], Ink.GOOD, Form.STEPS, Dash.NONE),
        ("429", [m.rate(Fate.LIMITED) for m in moments], Ink.WARN, Form.STEPS, Dash.DASHED),
        ("errors", [m.rate(*ERRORS) for m in moments], Ink.BAD, Form.AREA, Dash.NONE),
        ("own failures", [m.rate(Fate.LOCAL) for m in moments], Ink.WARN, Form.STEPS, Dash.DOTTED),
        ("not sent", [m.unsent_rate for m in moments], Ink.OTHER, Form.STEPS, Dash.DOTTED),
    ]
    series = []
    for name, rates, ink, form, dash in kinds:
        # Errors are always there: that their line lies on the ground is what one wants to see.
        if any(rates) or ink is Ink.BAD:
            # The last value holds to the end of its stretch.
            points = [*zip((m.start for m in moments), rates, strict=True), (moments[-1].end, rates[-1])]
            series.append(Series(name, points, ink, form, dash))
    spans, ended = _span_and_end(record)
    return Plot(
        "Planned, and what became of it",
        f"By when requests were due, in stretches of {wording.clock(moments[0].end - moments[0].start)}.",
        Time(record.line[-1][0]),
        "time since the start",
        Linear(max(rate for _, rates, *_ in kinds for rate in rates), wording.rate),
        "requests a second",
        series,
        moments=ended,
        spans=spans,
    )


def latency_over_time(record: Record) -> Plot:
    """Draw quantiles of the latency over time; the record must have blocks."""
    moments = figures.latency_moments(record)
    typical = sorted(moment.latency.count for moment in moments)[len(moments) // 2]
    # Over time nothing is judged, so two durations beyond a quantile are enough to draw it.
    shown = [q for q in (0.5, 0.95, 0.99) if typical * (1 - q) >= 2 or q == 0.5]
    looks = {0.5: (Ink.GOOD, Dash.NONE), 0.95: (Ink.OTHER, Dash.NONE), 0.99: (Ink.WARN, Dash.DASHED)}
    found = [Times(moment.latency, 0).quantiles(shown) for moment in moments]
    middles = [(moment.start + moment.end) / 2 for moment in moments]
    series = [
        Series(
            wording.quantile(q),
            [(middle, values.get(q)) for middle, values in zip(middles, found, strict=True)],
            looks[q][0],
            dash=looks[q][1],
        )
        for q in shown
    ]
    longest = [(at, m.latency.longest if m.latency.count else None) for at, m in zip(middles, moments, strict=True)]
    series.append(Series("longest", longest, Ink.BAD, dash=Dash.DOTTED))
    spans, ended = _span_and_end(record)
    return Plot(
        "Latency",
        f"Of requests answered as promised, by when they were due, in stretches of"
        f" {wording.clock(moments[0].end - moments[0].start)}.",
        Time(record.line[-1][0]),
        "time since the start",
        fitting((value for one in series for _, value in one.points if value is not None), wording.duration),
        "latency",
        series,
        moments=ended,
        spans=spans,
    )


def curves(title: str, row: Row, limits: Sequence[tuple[float, float]]) -> Plot:
    """Draw how latency and service time are distributed, with the limits (quantile, seconds) as points."""
    series: list[Series] = []
    for name, times, ink, dash in (
        ("service time", row.service, Ink.PLAN, Dash.DASHED),
        ("latency", row.latency, Ink.GOOD, Dash.NONE),
    ):
        known, rest = times.curve()
        if known:
            series.append(Series(name, known, ink, dash=dash))
        series.append(Series(name, rest, ink, dash=Dash.DOTTED, continues=bool(known)))
    if limits:
        series.append(Series("limit", limits, Ink.BAD, Form.DOTS))
    last = max((place for one in series for place, _ in one.points), default=0.9)
    return Plot(
        title,
        f"{wording.count(row.latency.total)} requests.",
        Tail(last),
        "quantile",
        fitting((value for one in series for _, value in one.points if value is not None), wording.duration),
        "duration",
        series,
        width=420,
        height=270,
    )


def both_sides(record: Record, measured: Measured, promise: ServerView) -> Plot:
    """Draw the server's buckets into the distribution that its clients saw."""
    whole = measured.buckets[-1][1]
    # A bucket's bound is reached by exactly the share that it has counted; between bounds nothing is known.
    server = [
        (cumulative / whole, bound)
        for bound, cumulative in measured.buckets
        if whole and math.isfinite(bound) and 0.5 <= cumulative / whole < 1
    ]
    service, latency = record.service(*promise.operations), record.latency(*promise.operations)
    series = [Series("server's buckets", server, Ink.OTHER, Form.DOTS)] if server else []
    for name, durations, ink, dash in (
        ("client's service time", service, Ink.PLAN, Dash.DASHED),
        ("client's latency", latency, Ink.GOOD, Dash.NONE),
    ):
        series.append(Series(name, _whole_curve(durations), ink, dash=dash))
    last = max((place for one in series for place, _ in one.points), default=0.9)
    return Plot(
        promise.id,
        f"{promise.says[:1].upper()}{promise.says[1:]}.",
        Tail(last),
        "quantile",
        fitting((value for one in series for _, value in one.points if value is not None), wording.duration),
        "duration",
        series,
    )


def _whole_curve(durations: Durations) -> list[tuple[float, float]]:
    known, rest = Times(durations, 0).curve()
    return [*known, *rest[1 if known else 0 :]]


def course(record: Record, id_: str, says: str, courses: Sequence[Course], promise: Promise | None) -> Plot:
    """Draw series of the server over the run, a line for each replica; one of them must have samples."""
    unit = promise.unit if isinstance(promise, Saturation | Growth) else ""
    names = _distinct([course.labels for course in courses])
    drawn = [(course, name) for course, name in zip(courses, names, strict=True) if course.samples][: len(INKS)]
    series = [
        Series(
            name or "value",
            [(at, value if math.isfinite(value) else None) for at, value in _thinned(course.samples)],
            INKS[number],
            dash=(Dash.NONE, Dash.DASHED, Dash.DOTTED)[number % 3],
        )
        for number, (course, name) in enumerate(drawn)
    ]
    values = [value for one in series for _, value in one.points if value is not None]
    # The server is looked at until the last answer, which may be after the last arrival.
    end = max(record.line[-1][0], *(at for one in series for at, _ in one.points))
    limit = promise.saturated_from if isinstance(promise, Saturation) else None
    hidden = sum(bool(course.samples) for course in courses) - len(drawn)
    more = f" The first {len(drawn)} of {len(drawn) + hidden} series." if hidden else ""
    spans, ended = _span_and_end(record)
    return Plot(
        id_,
        f"{says[:1].upper()}{says[1:]}.{more}" if says else more,
        Time(end),
        "time since the start",
        close_up(values if limit is None else [*values, limit], lambda value: wording.in_unit(value, unit)),
        {"": "value", "1/s": "a second", "s": "seconds"}.get(unit, unit),
        series,
        limits=[Mark("saturated from here", limit)] if limit is not None else (),
        moments=ended,
        spans=spans,
    )


def _distinct(labels: Sequence[Mapping[str, str]]) -> list[str]:
    """Name series by the labels that tell them apart."""
    keys = [
        key for key in dict.fromkeys(itertools.chain.from_iterable(labels)) if len({x.get(key) for x in labels}) > 1
    ]
    return [", ".join(f"{one[key]}" for key in keys if key in one)[:40] for one in labels]


def _thinned(samples: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """Leave out samples that a plot has no room for; the first and the last stay."""
    step = math.ceil(len(samples) / _SERIES_POINTS_MAX)
    return [*samples[:-1:step], samples[-1]]


def generator_lag(record: Record) -> Plot | None:
    """Draw how late each worker took up its arrivals; None when no worker told."""
    lags = [(f"worker {worker.index}", Durations.of([worker.lag])) for worker in record.workers if worker.reported]
    if len(lags) > _WORKERS_DRAWN_MAX:
        lags = [("all workers", Durations.of(worker.lag for worker in record.workers))]
    series = []
    for number, (name, lag) in enumerate(lags):
        points = _whole_curve(lag)
        if points:
            series.append(Series(name, points, INKS[number], dash=(Dash.NONE, Dash.DASHED)[number % 2]))
    if not series:
        return None
    return Plot(
        "Lag of the generator",
        "How long after an arrival was due it was taken up.",
        Tail(max(place for one in series for place, _ in one.points)),
        "quantile",
        fitting((value for one in series for _, value in one.points if value is not None), wording.duration),
        "lag",
        series,
    )
