"""The report of a load test in short, as Markdown: for the summary of a CI run, a ticket, a chat."""

from __future__ import annotations

import itertools
import math
import re
from typing import TYPE_CHECKING

from load import wording
from load.evidence import Evidence
from load.record import Durations, Fate
from load.report import figures
from load.report.html import meaning
from load.report.markup import visible
from load.report.verdicts import exit_meaning, reds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from load.plan import Operation, Profile
    from load.record import Record
    from load.report.figures import Row, Times
    from selfcheck.run import Result

_ACTS = re.compile(r"([\\`*_\[\]<>|~&]|:(?=//)|(?<=www)\.)")
"""What Markdown acts on within a line: markup, HTML, addresses."""
_NAMES = re.compile(r"([@#])(?=\w)")
"""Mentions and references: hosts look for them in the finished text, where no backslash is left."""
_TEXT_CHARACTERS_MAX = 400


def render(
    record: Record,
    results: Sequence[Result],
    profile: Profile,
    *,
    operations: Mapping[str, Operation] | None = None,
    exit_code: int | None = None,
) -> str:
    """Give the text: verdict, what is red, a line for each operation; nothing in a target's words acts."""
    evidence = Evidence(record, profile, operations or {}, ())
    outcome = figures.outcome(record, results)
    about = (
        f"{code(record.base_url)} ({plain(record.environment)}), {wording.rate(_mean_rate(record))} on average"
        f" ({plain(record.spacing)}) for {wording.clock(record.judged_seconds)} after a warm-up of"
        f" {wording.clock(record.warm_up_seconds)}, began {plain(record.started_at)}, seed {record.seed},"
        f" run {code(record.run_id)}"
    )
    parts = [
        f"# {outcome}: load test {plain(record.profile)}",
        f"{meaning(record, results)} {exit_meaning(outcome, exit_code)}",
        *([f"**Ended early:** {plain(record.ended_by or 'interrupted')}"] if record.interrupted else []),
        about,
        *red(results),
        "\n".join(_table(evidence)),
        "Latency counts from when a request was due; ~ has too few requests behind it, ∞ got no answer.",
        _generator(record),
    ]
    return "\n\n".join(parts) + "\n"


def plain(text: str) -> str:
    """Give a text on one line in which nothing is Markdown, HTML, a mention or a link."""
    short = text if len(text) <= _TEXT_CHARACTERS_MAX else f"{text[:_TEXT_CHARACTERS_MAX]}..."
    return _NAMES.sub("\\1\N{ZERO WIDTH SPACE}", _ACTS.sub(r"\\\1", " ".join(visible(short).split())))


def code(text: str) -> str:
    """Give a text as code on one line, whatever backticks are in it."""
    line = " ".join(visible(text).split()).replace("|", "\N{BROKEN BAR}") or " "
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    # A space keeps a backtick at an end from being taken for the fence; Markdown leaves it out.
    space = " " if line.startswith("`") or line.endswith("`") else ""
    fence = "`" * (longest + 1)
    return f"{fence}{space}{line}{space}{fence}"


def _mean_rate(record: Record) -> float:
    pieces = ((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in itertools.pairwise(record.line))
    return sum(pieces) / record.line[-1][0]


def red(results: Sequence[Result]) -> Iterator[str]:
    """Give a paragraph for each promise that is not kept or could not be told, FAILs first."""
    blocked: dict[str, int] = {}
    for result in reds(results):
        verdict = result.verdict
        if verdict.blocked_by:
            blocked[verdict.blocked_by] = blocked.get(verdict.blocked_by, 0) + 1
            continue
        waived = " (waived)" if result.waived else ""
        lines = [f"**{result.outcome}{waived}** {code(result.id)}: {plain(result.says)}"]
        lines += [
            f"- {label}: {text}"
            for label, text in (
                ("expected", plain(verdict.expected)),
                ("observed", plain(verdict.observed)),
                ("reproduce", code(verdict.reproduce) if verdict.reproduce else ""),
                ("do", plain(verdict.remedy)),
                ("runbook", code(result.runbook)),
            )
            if text
        ]
        yield "\n".join(lines)
    for cause, count in blocked.items():
        yield f"{count} further {'promise' if count == 1 else 'promises'} could not be judged, blocked by {code(cause)}"


def _table(evidence: Evidence) -> Iterator[str]:
    names = [wording.quantile(q) for q in figures.QUANTILES]
    yield f"| operation | planned | answered | 429 | errors | {' | '.join(names)} | max |"
    yield f"|---|{'---:|' * (5 + len(names))}"
    for row in [*figures.operations(evidence), figures.total(evidence)]:
        found = row.latency.quantiles(figures.QUANTILES)
        quantiles = " | ".join(_quantile(row.latency, q, found.get(q, math.nan)) for q in figures.QUANTILES)
        yield (
            f"| {plain(row.name)} | {wording.count(row.planned)} | {wording.share(row.achieved_share)}"
            f" | {wording.count(row.fates.get(Fate.LIMITED, 0))} | {_errors(row)} | {quantiles}"
            f" | {wording.duration(row.latency.durations.longest)} |"
        )


def _errors(row: Row) -> str:
    return f"**{wording.count(row.errors)}** ({wording.share(row.error_share)})" if row.errors else "0"


def _quantile(times: Times, q: float, seconds: float) -> str:
    known = math.isnan(seconds) or times.is_known(q)
    return wording.duration(seconds) if known else f"*~{wording.duration(seconds)}*"


def _generator(record: Record) -> str:
    lag = Durations.of(worker.lag for worker in record.workers)
    lost = sum(not worker.reported for worker in record.workers)
    busiest = max((worker.cpu_share_mean for worker in record.workers), default=math.nan)
    late, dropped = sum(tally.late for tally in record.tallies), sum(tally.dropped for tally in record.tallies)
    return (
        f"Generator: {len(record.workers)} {'worker' if len(record.workers) == 1 else 'workers'}"
        f"{f', **{lost} of them lost**' if lost else ''}, lag p99 {wording.duration(lag.quantile(0.99))}, the busiest"
        f" used {wording.share(busiest)} of a core, {wording.count(late)} late and {wording.count(dropped)} dropped"
    )
