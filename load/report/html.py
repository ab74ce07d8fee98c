"""The report of a load test as one HTML file: the verdict first, then what is red, then everything that was measured.

It is read by an operator at three in the morning, so each part answers one question, in the order in which they are
asked: does it hold? what was done to what? what is broken, and what do I do? which operation, since when, how slow? is
it the platform at all, or the generator? Figures that too few requests stand behind are there, and look it.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from load import wording
from load.evidence import Evidence
from load.promises import WINDOW_SECONDS, Ceiling, Growth, Latency, Saturation, ServerView
from load.record import ERRORS, LATE_SECONDS, Durations, Fate
from load.report import charts, figures, verdicts
from load.report.figures import Times
from load.report.markup import Markup, element, joined
from load.report.page import cell, document, facts, headings, paragraph, section, table
from load.report.plots import Plot, side_by_side
from selfcheck.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from load.plan import Operation, Profile
    from load.record import Measured, Record
    from load.report.figures import Row
    from selfcheck.contract import Promise
    from selfcheck.run import Result

FATE_WORDS: Mapping[Fate, str] = {
    Fate.OK: "as promised",
    Fate.LIMITED: "429",
    Fate.WRONG: "wrong",
    Fate.SERVER_ERROR: "5xx",
    Fate.TIMEOUT: "timeout",
    Fate.CONNECTION: "connection",
    Fate.UNFINISHED: "unfinished",
    Fate.LOCAL: "own failure",
}
_ANSWERS = (Fate.OK, Fate.LIMITED, Fate.WRONG, Fate.SERVER_ERROR)


def render(
    record: Record,
    results: Sequence[Result],
    profile: Profile,
    *,
    operations: Mapping[str, Operation] | None = None,
    promises: Iterable[Promise] = (),
    exit_code: int | None = None,
) -> str:
    """Give the page; texts in it are escaped, but only `writing.cleaned` masks secrets.

    `operations` and `promises` are those of the contract: which operations are rate limited, what the limits and units
    are, and whose requests a figure of the server counts. Without them 429 is an error, and limits are not drawn.
    """
    evidence = Evidence(record, profile, operations or {}, ())
    by_id = {promise.id: promise for promise in promises}
    return document(
        f"{figures.outcome(record, results)}: load test {record.profile} of {record.base_url}",
        element("h1", f"Load test: {record.profile}"),
        _banner(record, results, exit_code),
        _facts(record, profile),
        verdicts.red(results),
        _operations(evidence),
        _over_time(record),
        _distribution(evidence, [promise for promise in by_id.values() if isinstance(promise, Latency)]),
        _examples(record),
        _server(record, results, by_id),
        _courses(record, results, by_id),
        _generator(record),
        section("All promises", verdicts.judged(results)) if results else None,
        element(
            "footer",
            f"Run {record.run_id}, record of schema version {record.schema_version}. This file needs no network.",
        ),
    )


# ---------------------------------------------------------------------------------------------------------------------
# The verdict, and what it is about


def meaning(record: Record, results: Sequence[Result]) -> str:
    """Say what the outcome of a run means, in a sentence without the word for it."""
    counted = [result for result in results if result.outcome is not Outcome.NOT_COVERED]
    broken = sum(result.counts_as is Outcome.FAIL for result in counted)
    unclear = sum(result.counts_as is Outcome.INCONCLUSIVE for result in counted)
    outcome = figures.outcome(record, results)
    if outcome is Outcome.FAIL:
        also = f"; {unclear} could not be told" if unclear else ""
        return f"Of {len(counted)} promises, {broken} {'does' if broken == 1 else 'do'} not hold under this load{also}."
    if outcome is Outcome.PASS:
        return f"All of the {len(counted)} promises that were looked at hold under this load."
    if not counted:
        return "Nothing was judged: this run says nothing of the platform."
    if not unclear:
        return "What was looked at holds, but the run ended before its time."
    return f"Nothing failed, but of {len(counted)} promises, {unclear} could not be told from this run."


def _banner(record: Record, results: Sequence[Result], exit_code: int | None) -> Markup:
    outcome = figures.outcome(record, results)
    red = [result for result in verdicts.reds(results) if not result.verdict.blocked_by and not result.waived]
    named = [
        element("li", element("a", result.id, href=f"#{result.id}"), f": {result.verdict.observed}")
        for result in red[:3]
    ]
    if len(red) > 3:
        named.append(element("li", f"and {len(red) - 3} more"))
    early = f"Ended early: {record.ended_by or 'interrupted'}. The figures are of what was done until then."
    return element(
        "div",
        element("p", str(outcome), class_="word"),
        element("p", f"{meaning(record, results)} {verdicts.exit_meaning(outcome, exit_code)}", class_="meaning"),
        paragraph(element("strong", early)) if record.interrupted else None,
        element("ul", *named) if named else None,
        class_=f"banner {verdicts.tone(outcome)}",
    )


def _facts(record: Record, profile: Profile) -> Markup:
    rates = [rate for _, rate in record.line]
    steady = min(rates) == max(rates)
    lost = sum(not worker.reported for worker in record.workers)
    return facts(
        ("Target", record.base_url),
        ("Environment", record.environment),
        ("Profile", joined(record.profile, " ", element("span", profile.says, class_="remark"))),
        (
            "Rate",
            f"{wording.rate(rates[0])} ({record.spacing})"
            if steady
            else f"{wording.rate(min(rates))} to {wording.rate(max(rates))} ({record.spacing})",
        ),
        ("Began (UTC)", record.started_at.replace("T", " ").removesuffix("+00:00").removesuffix("Z")),
        ("Took", f"{wording.clock(record.elapsed_seconds)}, {wording.clock(record.judged_seconds)} of it judged"),
        ("Warm-up, not judged", wording.clock(record.warm_up_seconds)),
        ("Workers", f"{len(record.workers)}" + (f", {lost} of them lost" if lost else "")),
        ("Seed", str(record.seed)),
        *_limits(record.limits),
    )


def _limits(limits: Mapping[str, float]) -> Iterator[tuple[str, Markup]]:
    stated = [
        element("div", f"{name}: {wording.number(value)}") for name, value in limits.items() if name != WINDOW_SECONDS
    ]
    if stated:
        window = limits.get(WINDOW_SECONDS)
        each = f" in {wording.clock(window)}" if window else ""
        yield f"Limits that the platform states for a client{each}", joined(*stated)


# ---------------------------------------------------------------------------------------------------------------------
# Operations


def _operations(evidence: Evidence) -> Markup:
    rows = figures.operations(evidence)
    every = figures.total(evidence)
    # The generator's own failures are no errors of the platform; a column of zeros for them helps nobody.
    fates = (Fate.OK, Fate.LIMITED, *ERRORS, *((Fate.LOCAL,) if every.fates.get(Fate.LOCAL) else ()))
    counts = table(
        [
            headings(
                *("Operation", "Planned", "Started", "Late", "Dropped"),
                *(FATE_WORDS[fate].capitalize() for fate in fates),
                *("Errors", "Planned rate", "Answered rate", "Answered of planned"),
            )
        ],
        [*(_count_row(row, fates) for row in rows), _count_row(every, fates, class_="sum")],
        f"What became of each request that was due after the warm-up. Late: started more than"
        f" {LATE_SECONDS * 1000:g} ms after it was due. Dropped: not sent, because {evidence.profile.in_flight_max}"
        " requests were under way. Errors: of the requests that the rate limit let through. Answered: completely,"
        " whatever the answer said.",
    )
    people = figures.clients(evidence)
    by_client = table(
        [headings("Client", "Planned", "Started", "Late", "Dropped", *(FATE_WORDS[f].capitalize() for f in fates))],
        [_count_row(row, fates, rates=False) for row in people],
        "The same by client.",
    )
    return section(
        "Operations",
        *((counts, _latencies([*rows, every])) if rows else (paragraph("Nothing was sent."),)),
        by_client if len(people) > 1 else None,
    )


def _count_row(row: Row, fates: Sequence[Fate], *, rates: bool = True, class_: str | None = None) -> Markup:
    cells = [
        _tally_cell(row.planned),
        _tally_cell(row.started),
        _tally_cell(row.late, "warn"),
        _tally_cell(row.dropped, "bad"),
    ]
    for fate in fates:
        style = "" if fate is Fate.OK else "warn" if fate in {Fate.LIMITED, Fate.LOCAL} else "bad"
        cells.append(_tally_cell(row.fates.get(fate, 0), style))
    if rates:
        cells += [
            cell(wording.share(row.error_share), "bad figure" if row.errors else "none figure"),
            cell(wording.rate(row.planned_rate)),
            cell(wording.rate(row.achieved_rate)),
            cell(wording.share(row.achieved_share)),
        ]
    return element("tr", element("th", row.name, scope="row", title=row.says or None), *cells, class_=class_)


def _tally_cell(count: int, style: str = "") -> Markup:
    return cell(wording.count(count), f"{style} figure".lstrip() if count else "none figure")


def _latencies(rows: Sequence[Row]) -> Markup:
    names = [wording.quantile(q) for q in figures.QUANTILES]
    groups = element(
        "tr",
        element("th", "", class_="name"),
        element("th", ""),
        *(element("th", name, scope="colgroup", colspan=2, class_="group") for name in [*names, "max"]),
    )
    kinds = element(
        "tr",
        element("th", "Operation", scope="col", class_="text name"),
        element("th", "Requests", scope="col"),
        *itertools.chain.from_iterable(
            (element("th", "latency", scope="col", class_="first"), element("th", "service", scope="col"))
            for _ in [*names, "max"]
        ),
    )
    needed = ", ".join(f"{figures.samples_needed(q):,} for {wording.quantile(q)}" for q in figures.QUANTILES)
    return table(
        [groups, kinds],
        [_latency_row(row, "sum" if row is rows[-1] else None) for row in rows],
        "Latency counts from when a request was due, service time from when it was sent: what lies between was spent"
        " waiting, and users wait as well. Of requests answered as promised, after the warm-up, and of those that"
        f" nobody answered, who count as the longest ({wording.ENDLESS}). Figures with ~ have too few requests behind"
        f" them to mean anything (needed: {needed}).",
    )


def _latency_row(row: Row, class_: str | None) -> Markup:
    latency, service = row.latency.quantiles(figures.QUANTILES), row.service.quantiles(figures.QUANTILES)
    cells = []
    for q in figures.QUANTILES:
        cells += [
            _quantile_cell(row.latency, q, latency.get(q, math.nan), "first figure"),
            _quantile_cell(row.service, q, service.get(q, math.nan), "figure"),
        ]
    cells += [
        cell(wording.duration(row.latency.durations.longest), "first figure"),
        cell(wording.duration(row.service.durations.longest), "figure"),
    ]
    return element(
        "tr", element("th", row.name, scope="row"), cell(wording.count(row.latency.total)), *cells, class_=class_
    )


def _quantile_cell(times: Times, q: float, seconds: float, style: str) -> Markup:
    if math.isnan(seconds):
        return cell(wording.NOTHING, f"none {style}")
    if not times.is_known(q):
        return cell(f"~{wording.duration(seconds)}", f"unsure {style}")
    return cell(wording.duration(seconds), f"bad {style}" if seconds == math.inf else style)


# ---------------------------------------------------------------------------------------------------------------------
# Plots


def _over_time(record: Record) -> Markup:
    if not any(tally.blocks for tally in record.tallies):
        return section("Over time", paragraph("Nothing was recorded over time."))
    return section("Over time", side_by_side(charts.rates(record), charts.latency_over_time(record), columns=2))


def _distribution(evidence: Evidence, promises: Sequence[Latency]) -> Markup:
    every = figures.total(evidence)
    if every.latency.durations.count < 2:
        return section("Latency distribution", paragraph("Too little was answered as promised to draw anything."))
    limits = {promise.operation: promise.limits for promise in promises}
    rows = [row for row in figures.operations(evidence) if row.latency.durations.count >= 2]
    return section(
        "Latency distribution",
        paragraph(
            "Each further nine to the right is a rarer, slower request. Where the two lines part, requests waited"
            f" before they were sent. The dotted part of a line has fewer than {figures.samples_needed(0.0)} requests"
            " beyond it: it shows what happened, and not what to expect. A line ends where nobody was answered.",
            class_="remark",
        ),
        side_by_side(
            charts.curves("All operations", every, ()),
            *(charts.curves(row.name, row, limits.get(row.name, ())) for row in rows),
            columns=3,
        ),
    )


# ---------------------------------------------------------------------------------------------------------------------
# What came back, and the server's side


def _examples(record: Record) -> Markup | None:
    found: dict[tuple[str, Fate], tuple[int, str]] = {}
    for tally in record.tallies:
        for fate, example in tally.examples.items():
            times, first = found.get((tally.operation, fate), (0, example))
            found[tally.operation, fate] = times + tally.fate(fate), first
    rows = [
        element(
            "tr",
            element("th", operation, scope="row"),
            cell(FATE_WORDS[fate], "text short"),
            cell(wording.count(times)),
            cell(element("code", example), "text"),
        )
        for (operation, fate), (times, example) in sorted(found.items(), key=lambda item: -item[1][0])
    ]
    names = ("Operation", "Fate", "Times", "The first of them")
    silent = sum(tally.limited_without_retry_after for tally in record.tallies)
    if not rows and not silent:
        return None
    return section(
        "What came back instead of what is promised",
        table([headings(*names, text=("Fate", names[-1]))], rows) if rows else None,
        paragraph(f"{wording.count(silent)} answers with 429 did not say when to try again (Retry-After).")
        if silent
        else None,
    )


def _server(record: Record, results: Sequence[Result], promises: Mapping[str, Promise]) -> Markup | None:
    if not record.measured:
        return None
    outcomes = {result.id: result.outcome for result in results}
    rows: list[Markup] = []
    plots: list[Plot] = []
    for id_, measured in record.measured.items():
        promise = promises.get(id_)
        rows += _server_rows(record, id_, measured, promise, outcomes.get(id_))
        if isinstance(promise, ServerView) and measured.buckets:
            plots.append(charts.both_sides(record, measured, promise))
    names = ("Promise", "Figure", "Server", "Client", "Verdict")
    return section(
        "The server's side beside the client's",
        table(
            [headings(*names, text=("Figure", "Verdict"))],
            rows,
            "The server's quantiles are upper bounds of its buckets; beside them is the client's service time, which"
            " also has the way there and back. Counts are of the whole run, warm-up included.",
        ),
        side_by_side(*plots, columns=2) if plots else None,
    )


def _server_rows(
    record: Record, id_: str, measured: Measured, promise: Promise | None, outcome: Outcome | None
) -> Iterator[Markup]:
    found: list[tuple[str, str, str]] = []
    client = record.service(*promise.operations) if isinstance(promise, ServerView) else None
    for name, value in measured.values.items():
        unit = promise.unit if isinstance(promise, Ceiling | Saturation | Growth) else None
        written = wording.measured(name, value) if unit is None else wording.in_unit(value, unit)
        if isinstance(promise, ServerView) and name == "count":
            found.append((name, written, wording.count(_answers(record, promise.operations))))
        else:
            most = f" (at most {wording.in_unit(promise.most, promise.unit)})" if isinstance(promise, Ceiling) else ""
            found.append((name.replace("_", " "), f"{written}{most}", ""))
    if measured.buckets and client is not None and isinstance(promise, ServerView):
        for q in promise.quantiles:
            bound = figures.quantile_of_buckets(measured.buckets, q)
            server = (
                f"\N{LESS-THAN OR EQUAL TO} {wording.duration(bound)}" if math.isfinite(bound) else "beyond all buckets"
            )
            found.append((wording.quantile(q), server, wording.duration(client.quantile(q))))
    if measured.trouble:
        found.append(("trouble", measured.trouble, ""))
    says = promise.says if promise is not None else ""
    heading = element(
        "th",
        id_,
        element("div", says, class_="remark") if says else None,
        scope="rowgroup",
        rowspan=max(1, len(found)),
        style="font-weight:400",
    )
    word = verdicts.word(outcome) if outcome else wording.NOTHING
    verdict = element("td", word, class_="text", rowspan=max(1, len(found)))
    if not found:
        found = [("nothing", wording.NOTHING, wording.NOTHING)]
    for number, (name, server, seen) in enumerate(found):
        yield element(
            "tr",
            heading if number == 0 else None,
            cell(name, "text short"),
            cell(server, "warn text long" if name == "trouble" else "figure"),
            cell(seen or wording.NOTHING, "figure" if seen else "none"),
            verdict if number == 0 else None,
        )


def _answers(record: Record, operations: Sequence[str]) -> int:
    """Count what some operations got an answer to during the whole run, as a server counts."""
    return sum(
        block.fates.get(fate, 0)
        for operation in operations
        for tally in record.of(operation)
        for block in tally.blocks
        for fate in _ANSWERS
    )


def _courses(record: Record, results: Sequence[Result], promises: Mapping[str, Promise]) -> Markup | None:
    says = {result.id: result.says for result in results} | {id_: promise.says for id_, promise in promises.items()}
    plots = [
        charts.course(record, id_, says.get(id_, ""), courses, promises.get(id_))
        for id_, courses in record.courses.items()
        if any(course.samples for course in courses)
    ]
    return section("The server over time", side_by_side(*plots, columns=2)) if plots else None


# ---------------------------------------------------------------------------------------------------------------------
# The generator, and all promises


def _generator(record: Record) -> Markup:
    rows = []
    for worker in record.workers:
        if not worker.reported:
            lost = element("td", "lost: nothing is known of its requests", colspan=8, class_="text bad")
            rows.append(element("tr", element("th", f"worker {worker.index}", scope="row"), lost))
            continue
        lag = Durations.of([worker.lag])
        found = Times(lag, 0).quantiles((0.5, 0.99))
        rows.append(
            element(
                "tr",
                element("th", f"worker {worker.index}", scope="row"),
                cell(wording.count(worker.arrivals)),
                cell(wording.duration(found.get(0.5, math.nan))),
                cell(wording.duration(found.get(0.99, math.nan))),
                cell(wording.duration(lag.longest)),
                cell(joined(wording.share(worker.cpu_share_mean), _bar(worker.cpu_share_mean))),
                cell(joined(wording.share(worker.cpu_share_max), _bar(worker.cpu_share_max))),
                cell(wording.count(worker.in_flight_max)),
                cell(wording.duration(worker.clock_step_seconds)),
            )
        )
    names = (
        "Worker",
        "Arrivals",
        "Lag p50",
        "Lag p99",
        "Lag max",
        "CPU mean",
        "CPU max",
        "In flight max",
        "Clock step",
    )
    curves = charts.generator_lag(record)
    return section(
        "The generator",
        table(
            [headings(*names)],
            rows,
            "Whether the figures above are the platform's or the generator's own. Lag: how long after an arrival was"
            " due the generator took it up. CPU: of one core; the most is over one second.",
        ),
        side_by_side(curves, columns=2) if curves else None,
    )


def _bar(share: float) -> Markup:
    inner = element("i", style=f"width:{min(1.0, share) * 100:.0f}%", class_="bad" if share >= 0.9 else None)
    return element("span", inner, class_="bar")
