"""Capacity: the highest rate that holds the service levels, how sure that is, and what it means for the platform.

`search` is a pure driver: it decides which rate is tried next and knows nothing of what a run is. `find_capacity` runs
it with load tests, and adds what a person plans with: the promise that gives way first, the headroom over today's peak,
and the replicas that a forecast needs.
"""

from __future__ import annotations

import fnmatch
import json
import math
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from load.record import ERRORS, Fate
from load.statistics import share_at_least
from load.wording import rate, share
from selfcheck.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from load.promises import Search
    from load.record import Record
    from selfcheck.verdict import Verdict

SCHEMA_VERSION = 1


class Held(StrEnum):
    """What one run at one rate says of the service levels."""

    YES = "yes"
    """All of them were kept."""
    NO = "no"
    """At least one was broken."""
    UNKNOWN = "unknown"
    """The run says nothing of the platform: the generator was at its limit, or data was missing."""


class Phase(StrEnum):
    """Why a rate was tried."""

    CLIMB = "climb"
    REPEAT = "repeat"
    """A rate that failed, again: one bad minute is no limit."""
    BISECT = "bisect"
    CONFIRM = "confirm"


@dataclass(frozen=True, slots=True)
class Step:
    """One run of the search.

    `rate` is in requests a second, as planned. `broken` has the promises that did not hold, by id, each with a phrase
    of what was seen; for `held` = unknown those that could not be told. `figures` are for tables, in base units, by a
    short name such as "p95 of ocr (s)". `record` is the path of the run's record.
    """

    rate: float
    held: Held
    phase: Phase = Phase.CLIMB
    broken: Mapping[str, str] = field(default_factory=dict)
    record: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    generator: bool = False

    @property
    def why(self) -> str:
        """The broken promises in one line."""
        return "; ".join(f"{id_}: {seen}" for id_, seen in self.broken.items())


class Ending(StrEnum):
    """How a search ended."""

    FOUND = "found"
    """The capacity lies between a rate that held and one that did not."""
    CEILING = "ceiling"
    """Every rate up to the ceiling held: the capacity is at least that."""
    GENERATOR = "generator"
    """The search ended at a rate at which nothing could be said of the platform: the capacity is at least the highest
    rate that held."""
    UNCLEAR = "unclear"
    """Likewise, and it was not the generator: the remarks say what could not be told."""
    NOTHING_HELD = "nothing held"
    """Not even the lowest rate that was tried held."""
    RUNS = "runs"
    """The number of runs that the search may take was used up; the bounds are as wide as shown."""
    INTERRUPTED = "interrupted"
    """Ended from outside; what was found until then."""


@dataclass(frozen=True, slots=True)
class CapacityReport:
    """All that a capacity search found, and what follows from it. Rates are in requests a second.

    `capacity` is the highest rate that held in the runs that confirm it; 0 when none did. `broken_at` is the lowest
    rate above it that did not hold; None when none was seen. Of `confirmations` further runs at the capacity,
    `confirmed` held in a row; with `confidence` (0..1) at least the share `confirmed_share` of such runs hold there.
    That is all that a few runs can say: 0.46 for three of three at a confidence of 0.9, whatever the rate. It takes the
    runs to be independent and the platform to stay as it is. `limiting` has the promises that gave way at `broken_at`,
    by id. `peak` is today's highest rate of real traffic, None when it is not known;
    `headroom` is the share of the capacity that this peak leaves free (negative when it exceeds it). `replicas_needed`
    carry `forecast` = peak times `growth`, with the share `reserve` of their capacity left free, if capacity grows in
    proportion to replicas: an assumption that shared parts (database, providers, load balancer) do not always keep.
    """

    base_url: str
    environment: str
    profile: str
    started_at: str
    ending: Ending
    capacity: float
    broken_at: float | None
    confirmations: int
    confirmed: int
    confidence: float
    confirmed_share: float
    limiting: Mapping[str, str]
    steps: tuple[Step, ...]
    remarks: tuple[str, ...] = ()
    peak: float | None = None
    peak_window: str = ""
    headroom: float | None = None
    replicas: int | None = None
    growth: float = 1.0
    reserve: float = 0.0
    forecast: float | None = None
    replicas_needed: int | None = None
    schema_version: int = SCHEMA_VERSION

    def as_json(self) -> str:
        """Give the report as JSON, for machines."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False)

    @property
    def sentence(self) -> str:
        """What was found, in one sentence."""
        if not self.capacity:
            known = self.ending is Ending.NOTHING_HELD or self.broken_at is not None
            return "No rate that was tried held the service levels." if known else "Nothing is known of the capacity."
        held = rate(self.capacity)
        if self.ending is Ending.FOUND and self.broken_at is not None:
            return f"The platform holds its service levels at {held}, and no longer at {rate(self.broken_at)}."
        return f"The platform holds its service levels at {held} at least; {_WHY_AT_LEAST[self.ending]}."

    def as_markdown(self) -> str:
        """Give the manual's capacity report."""
        lines = [f"# Capacity of {self.base_url}", "", self.sentence, ""]
        lines += [f"- {fact}" for fact in self._facts()]
        if self.limiting:
            lines += ["", f"## What gives way at {rate(self.broken_at or math.nan)}", ""]
            lines += [f"- `{id_}`: {seen}" for id_, seen in self.limiting.items()]
        if self.remarks:
            lines += ["", "## Remarks", "", *(f"- {remark}" for remark in self.remarks)]
        names = list(dict.fromkeys(name for step in self.steps for name in step.figures))
        lines += ["", "## Runs", "", f"| rate | why | held | {' | '.join([*names, 'broken'])} |"]
        lines += [f"|{'---|' * (4 + len(names))}"]
        for step in self.steps:
            figures = [f"{step.figures[name]:.4g}" if name in step.figures else "" for name in names]
            cells = [rate(step.rate), step.phase, step.held, *figures, ", ".join(step.broken)]
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join(lines) + "\n"

    def _facts(self) -> Iterable[str]:
        yield f"profile {self.profile}, environment {self.environment}, {self.started_at}"
        if self.confirmations:
            yield (
                f"confirmed by {self.confirmed} of {self.confirmations} further runs: with a confidence of"
                f" {share(self.confidence)}, at least {share(self.confirmed_share)} of such runs hold there"
            )
        if self.peak is not None:
            looked = f" in {self.peak_window}" if self.peak_window else ""
            yield f"highest rate of real traffic{looked}: {rate(self.peak)}"
        if self.headroom is not None:
            yield f"headroom: {share(self.headroom)} of the capacity is free at that peak"
        if self.forecast is not None:
            yield f"forecast: {rate(self.forecast)} ({self.growth:g} times the peak)"
        if self.replicas_needed is not None:
            yield (
                f"replicas: {self.replicas} now, {self.replicas_needed} for the forecast with {share(self.reserve)} in"
                " reserve, if capacity grows in proportion to replicas; database, providers and load balancer may not"
            )


_WHY_AT_LEAST = {
    Ending.FOUND: "no rate above it was tried",
    Ending.CEILING: "that is as far as the environment allows",
    Ending.GENERATOR: "above it the generator was at its limit, not the platform",
    Ending.UNCLEAR: "above it nothing could be told",
    Ending.NOTHING_HELD: "nothing else was tried",
    Ending.RUNS: "the search had no more runs",
    Ending.INTERRUPTED: "the search was interrupted",
}


# ----------------------------------------------------------------------------------------------------------- the search

_DESCENT_MAX = 32
"""The search gives up below this fraction of the rate that it began with."""


class _Over(Exception):  # noqa: N818 - reads as what happened
    """The search ends here."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending)
        self.ending = ending


@dataclass(slots=True)
class Found:
    """What a search found so far: see `CapacityReport` for the fields of the same names."""

    steps: list[Step] = field(default_factory=list)
    capacity: float = 0.0
    broken_at: float | None = None
    confirmed: int = 0
    ending: Ending = Ending.FOUND


def search(
    run: Callable[[float, Phase], Step],
    *,
    start: float,
    ceiling: float,
    factor: float = 1.5,
    precision: float = 0.1,
    confirmations: int = 3,
    runs_max: int = 20,
) -> Found:
    """Search the highest rate at which runs hold; rates are in requests a second and never above the ceiling.

    Climbs by the factor until a rate fails twice in a row, bisects until the bounds are closer than the precision (a
    share of the upper one), and has the rate held in all of so many further runs; where one of those fails, a lower
    rate is confirmed. A run that says nothing of the platform is no failure: it is repeated once, and then the search
    ends with what is known. So it does when its runs are used up, or when it is interrupted (KeyboardInterrupt).
    """
    found = Found()
    searcher = _Searcher(run, found, runs_max)
    try:
        searcher.climb(min(start, ceiling), ceiling, factor)
        searcher.bisect(precision)
    except _Over as over:
        found.ending = over.ending
        if over.ending not in {Ending.GENERATOR, Ending.UNCLEAR}:
            return found
    try:
        searcher.confirm(confirmations, precision)
    except _Over as over:
        found.ending = over.ending
        # The rate that was about to be confirmed may be one that was never tried.
        held = (step.rate for step in found.steps if step.held is Held.YES and step.rate <= found.capacity)
        found.capacity = max(held, default=0.0)
    return found


class _Searcher:
    """Decides which rate is tried next, and keeps what was found in `found`."""

    def __init__(self, run: Callable[[float, Phase], Step], found: Found, runs_max: int) -> None:
        self._run = run
        self._found = found
        self._left = runs_max

    def climb(self, rate_: float, ceiling: float, factor: float) -> None:
        """Go up until a rate fails; where the first does, go down until one holds."""
        lowest = rate_ / _DESCENT_MAX
        while not self._found.capacity and rate_ >= lowest:
            if not self._holds(rate_, Phase.CLIMB):
                rate_ /= factor
        if not self._found.capacity:
            raise _Over(Ending.NOTHING_HELD)
        while self._found.broken_at is None:
            if self._found.capacity >= ceiling:
                self._found.ending = Ending.CEILING
                return
            self._holds(min(self._found.capacity * factor, ceiling), Phase.CLIMB)

    def bisect(self, precision: float) -> None:
        """Bring the bounds together, halving their ratio."""
        found = self._found
        while found.broken_at is not None and found.broken_at - found.capacity > precision * found.broken_at:
            self._holds(math.sqrt(found.capacity * found.broken_at), Phase.BISECT)

    def confirm(self, confirmations: int, precision: float) -> None:
        """Repeat the rate that was found; step down from one that does not hold again."""
        found = self._found
        while found.capacity and found.confirmed < confirmations:
            step = self._try(found.capacity, Phase.CONFIRM)
            if step.held is Held.YES:
                found.confirmed += 1
                continue
            found.broken_at, found.confirmed = found.capacity, 0
            lower = [other.rate for other in found.steps if other.held is Held.YES and other.rate < found.capacity]
            found.capacity = max([found.capacity * (1 - precision), *lower])
            if found.ending is not Ending.FOUND:  # what was to be a lower bound turned out to be the upper one
                found.ending = Ending.FOUND

    def _holds(self, rate_: float, phase: Phase) -> bool:
        """Try a rate, a second time where it fails; moves the bounds."""
        found = self._found
        holds = self._try(rate_, phase).held is Held.YES or self._try(rate_, Phase.REPEAT).held is Held.YES
        if holds:
            found.capacity = max(found.capacity, rate_)
        elif found.broken_at is None or rate_ < found.broken_at:
            found.broken_at = rate_
        return holds

    def _try(self, rate_: float, phase: Phase) -> Step:
        """Run once, and once more where nothing could be told; raises _Over when that does not help."""
        for attempt in (phase, Phase.REPEAT):
            if not self._left:
                raise _Over(Ending.RUNS)
            self._left -= 1
            try:
                step = self._run(rate_, attempt)
            except KeyboardInterrupt:
                raise _Over(Ending.INTERRUPTED) from None
            self._found.steps.append(step)
            if step.held is not Held.UNKNOWN:
                return step
        raise _Over(Ending.GENERATOR if step.generator else Ending.UNCLEAR)


# ----------------------------------------------------------------------------------------------------------- the report


@dataclass(frozen=True, slots=True)
class Trial:
    """One run at one rate: its record, the verdicts of all promises by id, and where the record is."""

    record: Record
    verdicts: Sequence[tuple[str, Verdict]]
    path: str = ""


@dataclass(frozen=True, slots=True)
class Today:
    """What the platform is like now: its highest rate of real traffic, and how many replicas serve; None: not known."""

    peak: float | None = None
    replicas: int | None = None


def find_capacity(
    run: Callable[[float], Trial],
    terms: Search,
    *,
    ceiling: float,
    base_url: str,
    environment: str,
    started_at: str,
    today: Today,
    growth: float | None = None,
    show: Callable[[Step], None] = lambda _: None,
) -> CapacityReport:
    """Search the capacity with load tests, and say what it means.

    `run` does one load test at a constant rate; `ceiling` is what the environment allows. `show` gets each step when it
    is done. `growth` takes the place of the contract's. What `run` raises passes through, KeyboardInterrupt apart.
    """

    def one(rate_: float, phase: Phase) -> Step:
        step = step_of(run(rate_), rate_, phase, terms.decisive)
        show(step)
        return step

    found = search(
        one,
        start=terms.rate_start,
        ceiling=ceiling,
        factor=terms.factor,
        precision=terms.precision,
        confirmations=terms.confirmations,
        runs_max=terms.runs_max,
    )
    broken = [step for step in found.steps if step.held is Held.NO and step.rate == found.broken_at]
    unclear = [step for step in found.steps if step.held is Held.UNKNOWN]
    per_replica = found.capacity / today.replicas if today.replicas else 0.0
    times = terms.growth if growth is None else growth
    forecast = today.peak * times if today.peak is not None else None
    return CapacityReport(
        base_url=base_url,
        environment=environment,
        profile=terms.profile,
        started_at=started_at,
        ending=found.ending,
        capacity=found.capacity,
        broken_at=found.broken_at,
        confirmations=terms.confirmations,
        confirmed=found.confirmed,
        confidence=terms.confidence,
        confirmed_share=share_at_least(found.confirmed, max(1, found.confirmed), terms.confidence),
        limiting=broken[-1].broken if broken else {},
        steps=tuple(found.steps),
        remarks=(
            *_remarks(found.steps),
            *(f"nothing could be told at {rate(step.rate)}: {step.why}" for step in unclear),
        ),
        peak=today.peak,
        peak_window=terms.peak_window,
        headroom=1 - today.peak / found.capacity if today.peak is not None and found.capacity else None,
        replicas=today.replicas,
        growth=times,
        reserve=terms.reserve,
        forecast=forecast,
        replicas_needed=(
            max(1, math.ceil(forecast / (per_replica * (1 - terms.reserve)) - 1e-9))
            if forecast is not None and per_replica
            else None
        ),
    )


def _remarks(steps: Sequence[Step]) -> Iterable[str]:
    """Tell of rates that held in one run and not in another."""
    for value in sorted({step.rate for step in steps}):
        all_held = [step.held for step in steps if step.rate == value]
        if Held.YES in all_held and Held.NO in all_held:
            yield f"{rate(value)} held in {all_held.count(Held.YES)} of {len(all_held)} runs"


def step_of(trial: Trial, rate_: float, phase: Phase, decisive: Sequence[str]) -> Step:
    """Say whether a run held the promises that are decisive (ids, in which `*` stands for anything).

    A FAIL is a FAIL. Otherwise everything that could be judged must have been: one INCONCLUSIVE, or nothing judged at
    all, says nothing of the platform. What a profile does not cover does not count.
    """
    chosen = [
        (id_, verdict)
        for id_, verdict in trial.verdicts
        if any(fnmatch.fnmatchcase(id_, pattern) for pattern in decisive)
    ]
    by_outcome = {
        outcome: {id_: verdict.observed for id_, verdict in chosen if verdict.outcome is outcome} for outcome in Outcome
    }
    held, broken = Held.YES, by_outcome[Outcome.FAIL]
    if broken:
        held = Held.NO
    elif by_outcome[Outcome.INCONCLUSIVE] or not by_outcome[Outcome.PASS]:
        held, broken = Held.UNKNOWN, by_outcome[Outcome.INCONCLUSIVE] or {"": "nothing was judged"}
    blocked = any(verdict.blocked_by for _, verdict in chosen if verdict.outcome is Outcome.INCONCLUSIVE)
    return Step(
        rate=rate_,
        held=held,
        phase=phase,
        broken=broken,
        record=trial.path,
        figures=figures_of(trial.record),
        generator=held is Held.UNKNOWN and blocked,
    )


def figures_of(record: Record) -> dict[str, float]:
    """Give what a table of runs shows: the rate of answers as promised, and the p95 of each operation, in seconds."""
    good = sum(tally.fate(Fate.OK) for tally in record.tallies)
    seconds = record.judged_seconds
    figures = {"answered (1/s)": good / seconds} if seconds > 0 else {}
    if started := sum(tally.started for tally in record.tallies):
        figures["errors (share)"] = sum(tally.fate(*ERRORS) for tally in record.tallies) / started
    for operation in sorted({tally.operation for tally in record.tallies}):
        latency = record.latency(operation)
        if latency.count:
            figures[f"p95 of {operation} (s)"] = round(latency.quantile(0.95), 4)
    return figures
