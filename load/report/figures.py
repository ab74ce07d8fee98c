"""What reports show of a record, worked out once for all of them: rows of operations, figures over time, curves."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from load.record import Durations, Fate
from load.statistics import needed_for
from selfcheck.verdict import Outcome, roll_up

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from load.evidence import Evidence
    from load.record import Block, Record, Tally
    from selfcheck.run import Result

QUANTILES = (0.5, 0.95, 0.99, 0.999)
"""What tables show besides the maximum."""

_MICROSECONDS = 1_000_000
_COLUMNS_MAX = 150
"""So many moments a plot over time shows; blocks are added up to make fewer."""
_ANSWERS_IN_A_STRETCH = 60
_CURVE_STEPS = 80
_NINES_MAX = 5.0


@dataclass(frozen=True, slots=True)
class Row:
    """What became of some requests: those of an operation, of a client, or all; counted as the judges count."""

    name: str
    says: str
    planned: int
    started: int
    late: int
    dropped: int
    fates: Mapping[Fate, int]
    errors: int
    requests: int
    """Those that are known to have failed or not: what the share of errors is a share of."""
    answers: int
    """Complete answers, whatever they said."""
    latency: Times
    service: Times
    seconds: float

    @property
    def error_share(self) -> float:
        """The part of the requests that failed; not a number when there was none."""
        return self.errors / self.requests if self.requests else math.nan

    @property
    def planned_rate(self) -> float:
        """How many a second were due; not a number when no time was judged."""
        return self.planned / self.seconds if self.seconds else math.nan

    @property
    def achieved_rate(self) -> float:
        """How many a second were answered, of those that were due; not a number when no time was judged."""
        return self.answers / self.seconds if self.seconds else math.nan

    @property
    def achieved_share(self) -> float:
        """The part of what was due that was answered; not a number when nothing was due."""
        return self.answers / self.planned if self.planned else math.nan


@dataclass(frozen=True, slots=True)
class Times:
    """How long requests took: those answered as promised, and those that nobody answered, who waited longer still."""

    durations: Durations
    unanswered: int

    @property
    def total(self) -> int:
        """How many there are of both."""
        return self.durations.count + self.unanswered

    def quantiles(self, wanted: Iterable[float]) -> dict[float, float]:
        """Give quantiles of all in seconds, in one pass; infinite among the unanswered, none where there is nothing."""
        count = self.durations.count
        ranks = {q: max(1, math.ceil(q * self.total - 1e-9)) for q in wanted} if self.total else {}
        percentiles = {rank / count * 100 for rank in ranks.values() if rank <= count}
        found = self.durations.histogram.get_percentile_to_value_dict(list(percentiles)) if percentiles else {}
        return {
            q: found[rank / count * 100] / _MICROSECONDS if rank <= count else math.inf for q, rank in ranks.items()
        }

    def is_known(self, q: float) -> bool:
        """Tell whether there are enough of them for a quantile to mean anything."""
        return self.total >= samples_needed(q)

    def curve(self) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        """Give (quantile, seconds) from the median on: first what there are enough for, then the rest.

        The two meet in a point that is in both. Where nobody was answered any more, the curve ends.
        """
        if self.total < 2 or not self.durations.count:
            return [], []
        start, end = -math.log10(0.5), min(_NINES_MAX, math.log10(self.total))
        known_until = math.log10(self.total / samples_needed(0.0))
        nines = {start + (end - start) * number / _CURVE_STEPS for number in range(_CURVE_STEPS + 1)}
        nines |= {known_until} if start < known_until < end else set()
        places = {1 - 10**-nine: nine for nine in sorted(nines)}
        points = [(q, value) for q, value in self.quantiles(places).items() if math.isfinite(value)]
        known = [(q, value) for q, value in points if places[q] <= known_until]
        return known, points[max(0, len(known) - 1) :]


def operations(evidence: Evidence) -> list[Row]:
    """Give a row for each operation, in the order of the record."""
    names = dict.fromkeys(tally.operation for tally in evidence.record.tallies)
    known = evidence.operations
    return [_row(evidence, name, evidence.record.of(name), known[name].says if name in known else "") for name in names]


def clients(evidence: Evidence) -> list[Row]:
    """Give a row for each client."""
    names = dict.fromkeys(tally.client for tally in evidence.record.tallies)
    return [_row(evidence, name, evidence.record.of(client=name)) for name in names]


def total(evidence: Evidence) -> Row:
    """Give the row of all requests."""
    return _row(evidence, "all", evidence.record.tallies)


def _row(evidence: Evidence, name: str, tallies: Sequence[Tally], says: str = "") -> Row:
    fates: dict[Fate, int] = defaultdict(int)
    for tally in tallies:
        for fate, count in tally.fates.items():
            fates[fate] += count
    unanswered = sum(map(evidence.unanswered, tallies))
    return Row(
        name,
        says,
        planned=sum(tally.planned for tally in tallies),
        started=sum(tally.started for tally in tallies),
        late=sum(tally.late for tally in tallies),
        dropped=sum(tally.dropped for tally in tallies),
        fates=dict(fates),
        errors=sum(map(evidence.errors, tallies)),
        requests=sum(map(evidence.requests, tallies)),
        answers=sum(map(evidence.answers, tallies)),
        latency=Times(Durations.of(tally.latency for tally in tallies), unanswered),
        service=Times(Durations.of(tally.service for tally in tallies), unanswered),
        seconds=evidence.record.judged_seconds,
    )


def samples_needed(q: float) -> int:
    """Give how many durations a quantile needs before it says more than what happened to happen."""
    return needed_for(1 - q)


def quantile_of_buckets(buckets: Sequence[tuple[float, float]], q: float) -> float:
    """Give the upper bound of the bucket that the q-quantile lies in; not a number when there is none.

    The bound and not a place within the bucket: nothing is known of where in it the durations lie.
    """
    rank = q * buckets[-1][1] if buckets else 0.0
    return next((bound for bound, cumulative in buckets if rank and cumulative >= rank), math.nan)


@dataclass(frozen=True, slots=True)
class Moment:
    """A stretch of the run: what was due in it, and what became of that."""

    start: float
    end: float
    planned: int
    fates: Mapping[Fate, int]
    latency: Durations

    @property
    def planned_rate(self) -> float:
        """How many requests a second were due."""
        return self.planned / (self.end - self.start)

    @property
    def unsent_rate(self) -> float:
        """How many requests a second were due and have no fate: they were not sent."""
        return max(0, self.planned - sum(self.fates.values())) / (self.end - self.start)

    def rate(self, *fates: Fate) -> float:
        """Give how many requests a second had one of these fates."""
        return sum(self.fates.get(fate, 0) for fate in fates) / (self.end - self.start)


def moments(record: Record, count_max: int = _COLUMNS_MAX) -> list[Moment]:
    """Give what happened over time, all operations and clients together, in at most so many stretches.

    A stretch in which nothing was due is there, too; the last one ends where the run did.
    """
    blocks = [block for tally in record.tallies for block in tally.blocks]
    if not blocks:
        return []
    count = max(block.number for block in blocks) + 1
    together = math.ceil(count / max(1, count_max))
    sorted_in: dict[int, list[Block]] = defaultdict(list)
    for block in blocks:
        sorted_in[block.number // together].append(block)
    width = record.block_seconds * together
    run_end = min(record.line[-1][0], record.elapsed_seconds)
    found = []
    for number in range(math.ceil(count / together)):
        start, end = number * width, (number + 1) * width
        found.append(_moment(sorted_in.get(number, []), start, run_end if start < run_end < end else end))
    return found


def latency_moments(record: Record) -> list[Moment]:
    """Give stretches that are long enough for quantiles: some dozens of answers each, but a dozen of them."""
    answered = sum(block.fates.get(Fate.OK, 0) for tally in record.tallies for block in tally.blocks)
    return moments(record, max(12, min(_COLUMNS_MAX, answered // _ANSWERS_IN_A_STRETCH)))


def _moment(blocks: Sequence[Block], start: float, end: float) -> Moment:
    fates: dict[Fate, int] = defaultdict(int)
    for block in blocks:
        for fate, count in block.fates.items():
            fates[fate] += count
    latency = Durations.of(block.latency for block in blocks)
    return Moment(start, end, sum(block.planned for block in blocks), dict(fates), latency)


def outcome(record: Record, results: Iterable[Result]) -> Outcome:
    """Roll up the results; a run that ended before its time is never green."""
    found = [result.counts_as for result in results]
    return roll_up([*found, Outcome.INCONCLUSIVE] if record.interrupted else found)
