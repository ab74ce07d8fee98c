"""What is drawn of an experiment: probes and errors as plots, breakers, replicas and alerts as lanes below them."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

from chaos.report import lanes, story
from chaos.timeline import Figures, Probed
from load import wording
from load.report.markup import Markup, element
from load.report.plots import Dash, Form, Ink, Linear, Mark, Plot, Series, Span, Time, fitting, svg

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from chaos.report.story import Story

_POINTS_MAX = 1200
"""Of one series; more only make the file large, for they lie on each other."""
_WATCHED_MAX = 6

_KINDS: Mapping[str, tuple[str, ...]] = {
    "as promised": (story.OK,),
    "handled failure": ("failed",),
    "429": ("limited",),
    "no good answer": ("wrong", "server_error", "timeout", "connection"),
}
_LOOKS: Mapping[str, tuple[str, Form]] = {
    "as promised": (Ink.GOOD, Form.DOTS),
    "handled failure": (Ink.WARN, Form.RINGS),
    "429": (Ink.PLAN, Form.RINGS),
    "no good answer": (Ink.BAD, Form.CROSSES),
}


def moments(told: Story) -> list[Mark]:
    """Give what is marked in all plots: fault, undo, when callers were served as before, and when all was quiet."""
    named = (
        ("fault", told.injected),
        ("undo", told.undoing),
        ("recovered", told.recovered),
        ("settled", told.settled),
    )
    return [Mark(name, at) for name, at in named if at is not None]


def spans(told: Story) -> list[Span]:
    """Give the stretch in which the fault was there; its name is at its beginning already."""
    if told.injected is None:
        return []
    return [Span("", told.injected, told.undone if told.undone is not None else told.end)]


def all_of(told: Story) -> Markup | None:
    """Give every figure that there is something to draw in."""
    figures = list(_figures(told))
    return lanes.beside(*figures) if figures else None


def _figures(told: Story) -> Iterator[Markup]:
    probes = told.timeline.of(Probed)
    if probes:
        yield _figure(latency(told))
        yield _figure(errors(told))
    for title, says, found, styles in (
        (
            "Circuit breakers",
            "As the metrics of each replica say; breakers that were closed all the time are left out.",
            story.breakers(told),
            lanes.BREAKERS,
        ),
        ("Replicas", "Whether each answered.", story.replicas(told), lanes.REPLICAS),
        (
            "Alerts",
            "In Prometheus; wedges are notifications that a receiver got. Alerts that fire all the time are left out.",
            story.alerts(told),
            lanes.ALERTS,
        ),
    ):
        if found:
            yield lanes.drawn(title, says, found, styles, end=told.end, moments=moments(told), spans=spans(told))
    for plot in watched(told):
        yield _figure(plot)


def _figure(plot: Plot) -> Markup:
    return element("figure", element("figcaption", element("strong", plot.title), " ", plot.says), svg(plot))


def latency(told: Story) -> Plot:
    """Draw how long each probe took, by outcome."""
    series = []
    through = set(told.through)
    for name, outcomes in _KINDS.items():
        points = [
            (probe.since, probe.seconds)
            for probe in told.timeline.of(Probed)
            if probe.probe in through and probe.outcome in outcomes
        ]
        if points:
            ink, form = _LOOKS[name]
            series.append(Series(name, thinned(points), ink, form))
    values = [value for one in series for _, value in one.points if value is not None]
    return Plot(
        "Latency of the probes",
        f"Through the fault ({', '.join(told.through)}), by when each was due.",
        Time(told.end),
        "time since the beginning",
        fitting(values, wording.duration),
        "latency",
        series,
        moments=moments(told),
        spans=spans(told),
        left=lanes.LEFT,
    )


def errors(told: Story) -> Plot:
    """Draw the share of failed requests in each second: through the fault, beside it, and of the background load."""
    series = [
        Series("through the fault", _shares(told, told.through), Ink.BAD, Form.AREA),
        Series("control probes", _shares(told, told.beside), Ink.GOOD, Form.STEPS, Dash.DASHED),
    ]
    if told.record is not None and told.record.traffic.failed_at:
        load = [(at, bad / due if due else None) for at, due, bad in told.record.traffic.failed_at]
        series.append(Series("background load", load, Ink.OTHER, Form.STEPS, Dash.DOTTED))
    return Plot(
        "Failed requests",
        "Their share, second by second; refusals by a rate limit are none.",
        Time(told.end),
        "time since the beginning",
        Linear(1.0, wording.share, exact=True),
        "share that failed",
        [one for one in series if one.points],
        moments=moments(told),
        spans=spans(told),
        left=lanes.LEFT,
    )


def _shares(told: Story, names: Sequence[str]) -> list[tuple[float, float | None]]:
    counts: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for probe in told.timeline.of(Probed):
        if probe.probe in names and probe.outcome != "unsent":
            count = counts[int(probe.since)]
            count[0] += 1
            count[1] += story.failed(probe)
    if not counts:
        return []
    last = max(counts)
    return [
        (float(second), counts[second][1] / counts[second][0] if second in counts else None)
        for second in range(min(counts), last + 1)
    ]


def watched(told: Story) -> list[Plot]:
    """Draw the figures that Prometheus was asked for, which changed at all."""
    points: dict[str, list[tuple[float, float | None]]] = defaultdict(list)
    for sample in told.timeline.of(Figures):
        for name, value in sample.values.items():
            points[name].append((sample.since, value))
    changed = {name: found for name, found in points.items() if len({value for _, value in found}) > 1}
    return [
        Plot(
            name.replace("_", " "),
            "As Prometheus had it.",
            Time(told.end),
            "time since the beginning",
            _reach([value for _, value in found if value is not None]),
            name,
            [Series(name, thinned(found), Ink.OTHER, Form.STEPS)],
            moments=moments(told),
            spans=spans(told),
            height=200,
            left=lanes.LEFT,
        )
        for name, found in list(changed.items())[:_WATCHED_MAX]
    ]


def _reach(values: Sequence[float]) -> Linear:
    """Give a scale from 0, or from below it where there are values (a budget that is overspent)."""
    known = [value for value in values if math.isfinite(value)]
    return Linear(max([*known, 0.0]), wording.number, low=min([*known, 0.0]))


def thinned(points: Sequence[tuple[float, float | None]]) -> Sequence[tuple[float, float | None]]:
    """Leave out every other point, or more, until there are few enough; the highest of each stretch stays."""
    if len(points) <= _POINTS_MAX:
        return points
    size = -(-len(points) // _POINTS_MAX)
    groups = (points[start : start + size] for start in range(0, len(points), size))
    return [max(group, key=lambda point: -1.0 if point[1] is None else point[1]) for group in groups]
