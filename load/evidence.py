"""What judges judge: the record of a run and what the contract says of it, and what keeps them from judging.

The figures of a run are the platform's only if the generator kept up. Every judge therefore begins with
`keeps_from_judging` and ends with `finished`: a generator at its limit, nothing done, or a run that was cut short is
INCONCLUSIVE, except for what is broken beyond doubt already.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from load.arrivals import Spacing, due
from load.record import ERRORS, LATE_SECONDS, Durations, Fate
from load.shapes import Points
from load.statistics import SUSPICIOUS, chance_of_at_least, is_more, needed_for
from load.wording import clock, count, duration, quantile, share
from selfcheck.verdict import Outcome, Verdict, combine, inconclusive

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from load.plan import Operation, Profile
    from load.promises import Generator
    from load.record import Record, Tally

_ANSWERS = (Fate.OK, Fate.LIMITED, Fate.WRONG, Fate.SERVER_ERROR)
_PRECISION = 0.002
"""Of histograms, as a share, and of the two clock readings of a request, in seconds."""
_GENERATOR_REMEDY = "give the generator more room: a machine of its own, more WORKERS, a lower rate"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One run: what was recorded, by which profile, of which operations, and when its generator keeps up."""

    record: Record
    profile: Profile
    operations: Mapping[str, Operation]
    generators: Sequence[Generator]

    @property
    def place(self) -> dict[str, str]:
        """Where it was looked, and how to look again, as verdicts have it."""
        record = self.record
        return {
            "where": f"profile {record.profile} at {record.base_url}, run {record.run_id}",
            "reproduce": f"SELF_CHECK_BASE_URL={record.base_url} SELF_CHECK_LOAD_SEED={record.seed}"
            f" make load PROFILE={record.profile}",
        }

    def is_limited(self, operation: str) -> bool:
        """Whether the platform may answer an operation with 429."""
        known = self.operations.get(operation)
        return known is not None and known.rate_limited

    def errors(self, tally: Tally) -> int:
        """Count the requests that failed by the platform's doing.

        A 429 is a failure where nothing is limited; what was under way when a run was cut short failed at nothing.
        """
        fates = set(ERRORS)
        if self.record.interrupted:
            fates.remove(Fate.UNFINISHED)
        if not self.is_limited(tally.operation):
            fates.add(Fate.LIMITED)
        return tally.fate(*fates)

    def requests(self, tally: Tally) -> int:
        """Count the requests that are known to have failed or not; limited ones of limited operations are neither."""
        return self.errors(tally) + tally.fate(Fate.OK)

    def unanswered(self, tally: Tally) -> int:
        """Count the arrivals that nobody answered, of all that were due: they waited longer than any answer took."""
        waiting = (Fate.TIMEOUT, Fate.CONNECTION, *([] if self.record.interrupted else [Fate.UNFINISHED]))
        return tally.dropped + tally.fate(*waiting)

    def answers(self, tally: Tally) -> int:
        """Count the complete answers, whatever they said."""
        return tally.fate(*_ANSWERS)


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reason why figures may be the generator's own; `clock` when it touches only what uses the server's clock."""

    text: str
    clock: bool = False


def doubts(record: Record, promise: Generator) -> list[Doubt]:
    """Say in which ways the generator did not keep up; an empty list when it did."""
    found = [
        Doubt(f"worker {worker.index} (pid {worker.pid}) was lost, and with it what it did")
        for worker in record.workers
        if not worker.reported
    ]
    if not record.workers:
        found.append(Doubt("no worker reported"))
    local = _total(record, Fate.LOCAL)
    if local:
        example = next((tally.examples[Fate.LOCAL] for tally in record.tallies if Fate.LOCAL in tally.examples), "")
        found.append(Doubt(f"{count(local)} requests did not leave this machine{f': {example}' if example else ''}"))
    if not found and not record.interrupted:
        planned = _arrivals(record.line, record.spacing, record.seed)
        taken = sum(worker.arrivals for worker in record.workers)
        if taken != planned:
            found.append(Doubt(f"the workers had {count(taken)} arrivals, the plan has {count(planned)}"))
    found += [*_late(record, promise), *_impossible(record)]
    found += [
        Doubt(f"worker {worker.index} used {share(worker.cpu_share_mean)} of a core on average")
        for worker in record.workers
        if worker.cpu_share_mean > promise.cpu_share_mean_max
    ]
    step = clock_step_seconds(record)
    if step > promise.clock_step_seconds_max:
        found.append(Doubt(f"the clock of this machine jumped by {duration(step)} during the run", clock=True))
    return found


def _late(record: Record, promise: Generator) -> list[Doubt]:
    """Judge lag and late starts as shares of all; few arrivals are forgiven what chance would explain."""
    lag = Durations.of(worker.lag for worker in record.workers)
    late, started = sum(tally.late for tally in record.tallies), sum(tally.started for tally in record.tallies)
    limit = promise.lag_p99_seconds_max
    above = lag.above(limit)
    found = []
    if _is_too_many(above, lag.count, 0.01):
        found.append(
            Doubt(
                f"{count(above)} of {count(lag.count)} arrivals were taken up more than {duration(limit)} late"
                f" (p99 {duration(lag.quantile(0.99))}, longest {duration(lag.longest)})"
            )
        )
    if _is_too_many(late, started, promise.late_share_max):
        found.append(
            Doubt(f"{count(late)} of {count(started)} requests started more than {duration(LATE_SECONDS)} late")
        )
    return found


def _impossible(record: Record) -> list[Doubt]:
    """See a clock that ran wrong: no request takes less from when it was due than from when it was sent."""
    latency, service = record.latency(), record.service()
    for q in (0.5, 0.9):
        least = service.quantile(q) * (1 - _PRECISION)
        if latency.quantile(q) < least - _PRECISION:
            told = f"{duration(latency.quantile(q))} from when requests were due, and {duration(service.quantile(q))}"
            return [Doubt(f"the clock of this machine ran wrong: {quantile(q)} is {told} from when they were sent")]
    return []


def _is_too_many(number: int, total: int, most: float) -> bool:
    if not is_more(number, total, most):
        return False
    return total >= needed_for(most) or chance_of_at_least(number, total, most) < SUSPICIOUS


def clock_step_seconds(record: Record) -> float:
    """Say how far a clock of the generator jumped at most, in either direction."""
    return max((abs(worker.clock_step_seconds) for worker in record.workers), default=0.0)


@lru_cache(maxsize=4)
def _arrivals(line: tuple[tuple[float, float], ...], spacing: str, seed: int) -> int:
    """Count the arrivals that a plan has; the same arithmetic as the generator's, so exactly that many."""
    return sum(1 for _ in due(Points(kind="points", through=line), Spacing(spacing), seed))


def keeps_from_judging(evidence: Evidence, expected: str, *, clock: bool = False) -> Verdict | None:
    """Say why nothing can be said about the platform; None when something can.

    `clock` is set by judges that compare with the server's clock.
    """
    record = evidence.record
    if not evidence.generators:
        remedy = "let the contract's load.toml have a [[generator]], which says when a generator keeps up"
        return inconclusive(expected, "nothing says when the generator keeps up", **evidence.place, remedy=remedy)
    for promise in evidence.generators:
        found = [doubt for doubt in doubts(record, promise) if clock or not doubt.clock]
        if found:
            observed = f"the generator did not keep up: {found[0].text}"
            place = evidence.place
            return inconclusive(expected, observed, **place, remedy=_GENERATOR_REMEDY, blocked_by=promise.id)
    if not any(tally.started or tally.dropped for tally in record.tallies):
        observed = "no request was made that counts"
        if record.interrupted:
            observed += f": interrupted after {_clock(record.elapsed_seconds)}{_by(record)}"
        return inconclusive(expected, observed, **evidence.place)
    return None


def finished(evidence: Evidence, expected: str, verdict: Verdict) -> Verdict:
    """Give the verdict of a run; where it was cut short, a PASS becomes INCONCLUSIVE and says what was done."""
    record = evidence.record
    if not record.interrupted or verdict.outcome is not Outcome.PASS:
        return verdict
    observed = (
        f"kept until the run was interrupted after {_clock(record.elapsed_seconds)} of {_clock(record.line[-1][0])}"
        f"{_by(record)}: {verdict.observed}"
    )
    return inconclusive(expected, observed, **evidence.place, remedy="let the run end").with_notes(*verdict.notes)


def judge_generator(evidence: Evidence, promise: Generator) -> Verdict:
    """The generator kept up. It never FAILs: where it did not, that says nothing of the platform."""
    record = evidence.record
    expected = (
        f"all workers report, 99 % of arrivals taken up within {duration(promise.lag_p99_seconds_max)}, at most"
        f" {share(promise.late_share_max)} of requests late, {share(promise.cpu_share_mean_max)} of a core used,"
        f" no clock step beyond {duration(promise.clock_step_seconds_max)}"
    )
    found = doubts(record, promise)
    if found:
        observed = "; ".join(doubt.text for doubt in found)
        remedy = "stop what sets the clock" if all(doubt.clock for doubt in found) else _GENERATOR_REMEDY
        return inconclusive(expected, observed, **evidence.place, remedy=remedy)
    if not any(tally.started or tally.dropped for tally in record.tallies):
        return inconclusive(expected, f"no request was made that counts{_by(record)}", **evidence.place)
    lag = Durations.of(worker.lag for worker in record.workers)
    busiest = max(worker.cpu_share_mean for worker in record.workers)
    observed = (
        f"{_many(len(record.workers), 'worker')}, lag p99 {duration(lag.quantile(0.99))},"
        f" {count(sum(tally.late for tally in record.tallies))} late starts, {share(busiest)} of a core"
    )
    verdict = Verdict(Outcome.PASS, expected, observed, evidence.place["where"])
    return finished(evidence, expected, verdict)


def together(verdicts: Sequence[Verdict]) -> Verdict:
    """Combine verdicts about parts of one promise; a PASS says what was seen of each part."""
    verdict = combine(verdicts)
    if verdict.outcome is not Outcome.PASS:
        return verdict
    seen = dict.fromkeys(each.observed for each in verdicts if each.outcome is Outcome.PASS)
    return replace(verdict, observed="; ".join(seen))


def examples(tallies: Iterable[Tally], *fates: Fate, most: int = 3) -> tuple[str, ...]:
    """Give what some requests of these fates got back, as notes; every operation and fate once."""
    found: dict[tuple[str, Fate], str] = {}
    for tally in tallies:
        for fate in fates:
            if fate in tally.examples:
                found.setdefault((tally.operation, fate), tally.examples[fate])
    return tuple(
        f"{operation}, {fate.replace('_', ' ')}: {text}" for (operation, fate), text in [*found.items()][:most]
    )


def by_fate(tallies: Iterable[Tally]) -> str:
    """Count all that was not answered as promised, by what became of it."""
    total: Counter[Fate] = Counter()
    for tally in tallies:
        total.update(tally.fates)
    return ", ".join(f"{count(number)} {fate.replace('_', ' ')}" for fate, number in total.items() if fate != Fate.OK)


def _total(record: Record, fate: Fate) -> int:
    return sum(tally.fate(fate) for tally in record.tallies)


def _by(record: Record) -> str:
    return f" ({record.ended_by})" if record.ended_by else ""


def _clock(seconds: float) -> str:
    return clock(seconds) if math.isfinite(seconds) else "an unknown time"


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
