"""The report of a capacity search as one HTML file: how much, how sure, what gives way first, how it was found."""

from __future__ import annotations

import itertools
import math
import re
from collections import defaultdict
from typing import TYPE_CHECKING

from load import wording
from load.capacity import CapacityReport, Ending, Held
from load.promises import Errors, Latency
from load.report.markup import Markup, element
from load.report.page import cell, document, facts, headings, paragraph, section, table
from load.report.plots import INKS, Dash, Form, Linear, Mark, Plot, Series, Span, fitting, side_by_side
from load.report.verdicts import tone
from selfcheck.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from selfcheck.contract import Promise

_FIGURE = re.compile(r"(?P<what>.+?)(?: of (?P<whom>.+?))?(?: \((?P<unit>[^()]*)\))?$", re.DOTALL)
_OUTCOMES = {Held.YES: Outcome.PASS, Held.NO: Outcome.FAIL, Held.UNKNOWN: Outcome.INCONCLUSIVE}
_HELD_WORDS = {Held.YES: "held", Held.NO: "did not hold", Held.UNKNOWN: "could not be told"}
_TONES = {
    Ending.FOUND: Outcome.PASS,
    Ending.CEILING: Outcome.PASS,
    Ending.NOTHING_HELD: Outcome.FAIL,
}
_PLOTS_MAX = 12


def render(report: CapacityReport, *, promises: Iterable[Promise] = ()) -> str:
    """Give the page; texts in it are escaped, and masking secrets is the caller's.

    `promises` are those of the contract, for the limits in the plots.
    """
    return document(
        f"Capacity of {report.base_url}: {_amount(report)}",
        element("h1", "Capacity report"),
        _banner(report),
        _facts(report),
        _limiting(report),
        _plots(report, list(promises)),
        _steps(report),
        _remarks(report),
        element("footer", f"Report of schema version {report.schema_version}. This file needs no network."),
    )


def _amount(report: CapacityReport) -> str:
    if not report.capacity:
        return "none found"
    at_least = report.broken_at is None
    return f"{'at least ' if at_least else ''}{wording.rate(report.capacity)}"


def _banner(report: CapacityReport) -> Markup:
    return element(
        "div",
        element("p", _amount(report), class_="word"),
        element("p", " ".join(_sentences(report)), class_="meaning"),
        class_=f"banner {tone(_TONES.get(report.ending, Outcome.INCONCLUSIVE))}",
    )


def _sentences(report: CapacityReport) -> Iterator[str]:
    yield report.sentence
    if report.headroom is not None and report.peak is not None:
        if report.headroom >= 0:
            yield f"Today's peak of {wording.rate(report.peak)} leaves {wording.share(report.headroom)} of that free."
        else:
            yield f"Today's peak of {wording.rate(report.peak)} is more than that."
    if report.replicas_needed is not None and report.forecast is not None:
        yield f"{_replicas(report.replicas_needed)} needed for the forecast of {wording.rate(report.forecast)}."


def _replicas(count: int) -> str:
    return "1 replica is" if count == 1 else f"{count} replicas are"


def _facts(report: CapacityReport) -> Markup:
    unknown = "not known"
    known_replicas = unknown if report.replicas is None else wording.count(report.replicas)
    pairs: list[tuple[str, object]] = [
        ("Target", report.base_url),
        ("Environment", report.environment),
        ("Profile (mix and bounds)", report.profile),
        ("Began (UTC)", report.started_at.replace("T", " ").removesuffix("+00:00").removesuffix("Z")),
        ("Capacity", _amount(report)),
        ("Lowest rate that did not hold", "none seen" if report.broken_at is None else wording.rate(report.broken_at)),
        ("Further runs that held there", f"{report.confirmed} of {report.confirmations}"),
    ]
    if report.confirmed:
        sure = f"at least {wording.share(report.confirmed_share)} (confidence {wording.share(report.confidence)})"
        pairs.append(("Such runs that hold there", sure))
    window = f", {report.peak_window}" if report.peak_window else ""
    pairs += [
        (f"Peak of real traffic{window}", unknown if report.peak is None else wording.rate(report.peak)),
        ("Headroom over the peak", unknown if report.headroom is None else wording.share(report.headroom)),
        ("Replicas now", known_replicas),
    ]
    if report.forecast is not None:
        of_what = f"{report.growth:g} times the peak, {wording.share(report.reserve)} kept free"
        pairs.append(("Forecast", f"{wording.rate(report.forecast)} ({of_what})"))
    if report.replicas_needed is not None:
        pairs.append(("Replicas needed for it", wording.count(report.replicas_needed)))
    return facts(*pairs)


def _limiting(report: CapacityReport) -> Markup | None:
    if not report.limiting:
        return None
    rows = [element("tr", element("th", id_, scope="row"), cell(seen, "text")) for id_, seen in report.limiting.items()]
    at = f" at {wording.rate(report.broken_at)}" if report.broken_at is not None else ""
    return section(f"What gives way first{at}", table([headings("Promise", "Seen", text=("Seen",))], rows))


def _remarks(report: CapacityReport) -> Markup | None:
    if not report.remarks:
        return None
    return section("Remarks", element("ul", *(element("li", remark) for remark in report.remarks)))


def _steps(report: CapacityReport) -> Markup:
    names = list(dict.fromkeys(itertools.chain.from_iterable(step.figures for step in report.steps)))
    rows = [
        element(
            "tr",
            element("th", str(number), scope="row"),
            cell(wording.rate(step.rate)),
            cell(str(step.phase), "text short"),
            cell(element("span", _HELD_WORDS[step.held], class_=f"word {tone(_OUTCOMES[step.held])}"), "text"),
            *(cell(_written(name, step.figures[name]) if name in step.figures else wording.NOTHING) for name in names),
            cell(step.why or wording.NOTHING, "text" if step.why else "text none"),
        )
        for number, step in enumerate(report.steps, start=1)
    ]
    columns = (
        "Run",
        "Rate",
        "Why",
        "Service levels",
        *(name.partition(" (")[0] for name in names),
        "Broken or unknown",
    )
    left = ("Why", "Service levels", columns[-1])
    if not rows:
        return section("The search, run by run", paragraph("Nothing was run."))
    return section("The search, run by run", table([headings(*columns, text=left)], rows))


def _parts(name: str) -> tuple[str, str, str]:
    """Take a figure's name apart: what (`p95`), of whom (`ocr`), in which unit (`s`)."""
    found = _FIGURE.match(name)
    assert found is not None  # everything in it but the first character is optional
    return found["what"], found["whom"] or "", found["unit"] or ""


def _written(name: str, value: float) -> str:
    what, _, unit = _parts(name)
    return wording.share(value) if _is_share(what, unit) else wording.in_unit(value, unit)


def _is_share(what: str, unit: str) -> bool:
    return unit in {"share", "ratio"} or (not unit and any(word in what for word in ("error", "share", "ratio")))


def _plots(report: CapacityReport, promises: Sequence[Promise]) -> Markup | None:
    """Draw the figures over the rate: the quantiles of an operation together, everything else alone."""
    grouped: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name in dict.fromkeys(itertools.chain.from_iterable(step.figures for step in report.steps)):
        _, whom, unit = _parts(name)
        grouped[(whom, unit) if whom and unit == "s" else (name, unit)].append(name)
    # What gave way comes first, so that it is seen.
    ordered = sorted(grouped.items(), key=lambda item: not any(item[0][0] in id_ for id_ in report.limiting))
    plots = [_plot(report, title.partition(" (")[0], names, promises) for (title, _), names in ordered[:_PLOTS_MAX]]
    remark = paragraph("Of several runs at one rate, the line follows the worst.", class_="remark")
    return section("Over the rate", remark, side_by_side(*plots, columns=3)) if plots else None


def _plot(report: CapacityReport, title: str, names: Sequence[str], promises: Sequence[Promise]) -> Plot:
    series: list[Series] = []
    limits: dict[str, float] = {}
    for number, name in enumerate(names[: len(INKS)]):
        what, whom, _ = _parts(name)
        runs = sorted((step.rate, step.figures[name]) for step in report.steps if name in step.figures)
        known = [(rate, value) for rate, value in runs if math.isfinite(value)]
        worst = list(dict(known).items())  # of several runs at a rate, which are in order, the last is the highest
        label = what if whom else name
        series += [
            Series(label, worst, INKS[number], dash=(Dash.NONE, Dash.DASHED, Dash.DOTTED)[number % 3]),
            Series(f"{label}, each run", known, INKS[number], Form.DOTS, continues=True),
        ]
        limits |= _limits(what, whom, promises)
    values = [value for one in series for _, value in one.points if value is not None]
    rates = [step.rate for step in report.steps]
    end = max(rates, default=1.0) * 1.05
    return Plot(
        title,
        "",
        Linear(end, wording.rate, exact=True),
        "requests a second, as planned",
        fitting([*values, *limits.values()], lambda value: _written(names[0], value)),
        "latency" if _parts(names[0])[2] == "s" else _parts(names[0])[0],
        series,
        limits=[Mark(name, value) for name, value in limits.items()],
        moments=[Mark(f"capacity {wording.rate(report.capacity)}", report.capacity)] if report.capacity else (),
        spans=[] if report.broken_at is None else [Span("does not hold", report.broken_at, end)],
        width=420,
        height=270,
    )


def _limits(what: str, whom: str, promises: Sequence[Promise]) -> Mapping[str, float]:
    """Give the limits that the contract sets to a figure, with the names that they have in a plot."""
    for promise in promises:
        if isinstance(promise, Latency) and promise.operation == whom:
            for q, seconds in promise.limits:
                if wording.quantile(q) == what:
                    return {f"{what} at most {wording.duration(seconds)}": seconds}
        if isinstance(promise, Errors) and "error" in what and promise.operation == whom:
            return {f"at most {wording.share(promise.share_max)}": promise.share_max}
    return {}
