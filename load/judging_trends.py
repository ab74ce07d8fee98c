"""Judges of change: what grows or drifts within a run, and what is slower than in another. Pure.

Trends are certain or they are nothing: the test of Mann and Kendall says whether values rise at all, Theil and Sen's
slope how fast, and only a rise that leads too far within the promise's horizon FAILs. It must be there in the second
half of the run as well: a cache that fills up rises, and then it is full.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from load.evidence import finished, keeps_from_judging, together
from load.judging_server import courses_of, named, with_unit
from load.record import Durations
from load.shapes import Replay
from load.statistics import SUSPICIOUS, chance_of_same, envelope, pieces, shift, trend
from load.wording import clock, count, duration, quantile, share
from selfcheck.verdict import Verdict, failed, inconclusive, not_covered, passed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from load.evidence import Evidence
    from load.promises import Drift, Growth, Regression, Trend
    from load.record import Record, Tally

_RESTART_FALL = 0.5
"""A figure that falls to less than this share of itself from one sample to the next is that of a new process."""
_RESTARTS_MAX = 2
"""More falls than this in one series are a sawtooth."""
_PARTS_MAX = 40
_HALF_CHANCE = 0.05
"""How certain the trend of the second half must be, with half the points; the whole passes the stricter test."""
_POINTS_MAX = 100


def judge_growth(evidence: Evidence, promise: Growth) -> Verdict:
    """No replica's figure grows (or, where that is promised, falls) so that it leads too far.

    After the warm-up. A sawtooth is judged by its floor; a series that falls to less than half once or twice is one of
    processes that followed each other, each judged for itself.
    """
    expected = f"{promise.query} {'falls' if promise.falls else 'grows'} {_bound(promise, promise.unit)}"
    if short := _too_short(evidence):
        return short
    courses = courses_of(evidence, promise, expected)
    if isinstance(courses, Verdict):
        return courses
    verdicts = []
    sign = -1.0 if promise.falls else 1.0
    for course in courses:
        samples = [(at, sign * value) for at, value in course.samples if at >= evidence.record.warm_up_seconds]
        found = [samples] if promise.falls else pieces(samples, _RESTART_FALL, _RESTARTS_MAX)
        # Of processes that followed each other, those that lived too briefly to show a trend are left out.
        long = [piece for piece in found if len(piece) >= promise.points_min] or [max(found, key=len)]
        for piece in long:
            floor = envelope(piece, max(promise.points_min, min(_PARTS_MAX, len(piece) // 2)))
            verdict = _judge_trend(evidence, promise, expected, floor, promise.unit, named(course), sign=sign)
            if len(found) > 1:
                verdict = verdict.with_notes(f"fell to less than half{named(course)}: a restart?")
            verdicts.append(verdict)
    return finished(evidence, expected, together(verdicts))


def judge_drift(evidence: Evidence, promise: Drift) -> Verdict:
    """The latency of no operation grows so that it leads too far; block by block, after the warm-up."""
    record = evidence.record
    expected = f"{quantile(promise.quantile)} grows {_bound(promise, 's')}"
    if blocked := _too_short(evidence) or keeps_from_judging(evidence, expected):
        return blocked
    verdicts, left_out = [], []
    for operation in promise.operations or sorted({tally.operation for tally in record.tallies}):
        least = max(1, record.latency(operation).count // _POINTS_MAX)
        joined = joined_blocks(record, record.of(operation), least)
        points = [(at, durations.quantile(promise.quantile)) for at, durations in joined]
        if len(points) < promise.points_min:
            left_out.append(operation)
        else:
            verdicts.append(_judge_trend(evidence, promise, expected, points, "s", f" of {operation}"))
    if not verdicts:
        observed = f"no operation has answers at {promise.points_min} points in time"
        return inconclusive(expected, observed, **evidence.place, remedy="a longer run tells")
    verdict = together(verdicts)
    if left_out:
        verdict = verdict.with_notes(f"too few requests for a trend: {', '.join(left_out)}")
    return finished(evidence, expected, verdict)


def _too_short(evidence: Evidence) -> Verdict | None:
    if evidence.profile.grows:
        return None
    observed = f"the profile {evidence.profile.name} is too short to show what grows"
    return not_covered(observed, "make load PROFILE=soak")


def _bound(promise: Trend, unit: str) -> str:
    most = f"{share(promise.change_share_max)} or {with_unit(promise.change_min, unit)}"
    return f"within {promise.horizon_hours:g} h by at most {most}"


def _judge_trend(
    evidence: Evidence,
    promise: Trend,
    expected: str,
    points: Sequence[tuple[float, float]],
    unit: str,
    what: str,
    *,
    sign: float = 1.0,
) -> Verdict:
    """Judge points that must not rise; `sign` is -1 where they were turned over because the figure must not fall."""
    where = evidence.place["where"]
    if len(points) < promise.points_min:
        observed = f"{len(points)} points in time{what}, a trend needs {promise.points_min}"
        return inconclusive(expected, observed, where=where, remedy="a longer run tells")
    whole, half = trend(points), trend(points[len(points) // 2 :])
    is_certain = whole.chance < SUSPICIOUS and half.chance < _HALF_CHANCE and whole.slope > 0 and half.slope > 0
    observed = f"{with_unit(sign * whole.level, unit)} at the start{what}"
    if not is_certain:
        return passed(f"{observed}, no lasting trend in {len(points)} points", where=where)
    change = _horizon_seconds(evidence, promise) * min(whole.slope, half.slope)
    done = (points[-1][0] - points[0][0]) * whole.slope
    observed += (
        f", {'up' if sign > 0 else 'down'} by {with_unit(done, unit)} in {clock(points[-1][0] - points[0][0])},"
        f" by {with_unit(change, unit)} within the horizon (chance {whole.chance:.1g} without a trend)"
    )
    # A figure that begins at nothing has no share of itself; for it the least change is bound enough.
    if change > promise.change_min and change > promise.change_share_max * abs(whole.level):
        return failed(expected, observed, **evidence.place)
    return passed(observed, where=where)


def _horizon_seconds(evidence: Evidence, promise: Trend) -> float:
    """Say how far ahead a trend is followed: less far where the profile was played faster than it is written."""
    shape = evidence.profile.shape
    written = shape.window_seconds / shape.speed if isinstance(shape, Replay) else shape.seconds
    return promise.horizon_hours * 3600 * min(1.0, evidence.record.line[-1][0] / written)


# ----------------------------------------------------------------------------------------------------------- regression


def judge_regression(evidence: Evidence, promise: Regression, baseline: Record | None) -> Verdict:
    """No operation is slower than in the stored run, by more than chance and by more than is of interest.

    Compared are quantiles of joined blocks, by Mann and Whitney's test and the shift of Hodges and Lehmann. The test
    knows how much a run varies within itself, and nothing of what differs between days and machines: the least shift of
    the promise stands for that.
    """
    record = evidence.record
    expected = "no operation slower than in the stored run"
    if baseline is None:
        remedy = "store a run: keep its record.json, and name it with SELF_CHECK_LOAD_BASELINE"
        return not_covered("there is no stored run to compare with", remedy)
    if blocked := keeps_from_judging(evidence, expected):
        return blocked
    if different := _differences(record, baseline):
        observed = f"the stored run {baseline.run_id} is another kind of run: {different}"
        return inconclusive(expected, observed, **evidence.place, remedy="store a run of this kind")
    verdicts, left_out = [], []
    for operation in sorted({tally.operation for tally in record.tallies}):
        runs = [
            [
                durations
                for _, durations in joined_blocks(run, run.of(operation), promise.block_requests_min)
                if durations.count >= promise.block_requests_min
            ]
            for run in (record, baseline)
        ]
        if min(map(len, runs)) < promise.blocks_min:
            left_out.append(operation)
            continue
        verdicts += [_judge_shift(evidence, promise, expected, operation, runs, q) for q in promise.quantiles]
    if not verdicts:
        observed = f"no operation has {promise.blocks_min} blocks of {promise.block_requests_min} answers in both runs"
        return not_covered(observed, "longer runs can be compared: PROFILE=steady")
    verdict = together(verdicts)
    if left_out:
        verdict = verdict.with_notes(f"too few requests to compare: {', '.join(left_out)}")
    return finished(evidence, expected, verdict)


def _differences(record: Record, baseline: Record) -> str:
    """Say what makes two runs incomparable; empty when nothing does."""
    mine, other = (
        {
            "profile": run.profile,
            "environment": run.environment,
            "spacing": run.spacing,
            "rates": run.line,
            "warm-up": run.warm_up_seconds,
            "operations and clients": sorted((tally.operation, tally.client) for tally in run.tallies),
        }
        for run in (record, baseline)
    )
    found = [f"other {name}" for name, value in mine.items() if value != other[name]]
    return ", ".join([*found, *(["it was cut short"] if baseline.interrupted else [])])


def _judge_shift(
    evidence: Evidence,
    promise: Regression,
    expected: str,
    operation: str,
    runs: Sequence[Sequence[Durations]],
    q: float,
) -> Verdict:
    now, then = ([durations.quantile(q) for durations in run] for run in runs)
    chance, slower = chance_of_same(now, then, greater=True), shift(now, then)
    usual = sorted(then)[len(then) // 2]
    observed = f"{quantile(q)} of {operation}: {duration(usual)} then, {duration(usual + slower)} now"
    least = max(promise.shift_seconds_min, promise.shift_share_min * usual)
    if slower > least and chance < SUSPICIOUS:
        observed += f" (chance {chance:.1g} if nothing changed; {count(len(now))} and {count(len(then))} blocks)"
        return failed(expected, observed, **evidence.place)
    return passed(observed, where=evidence.place["where"])


def joined_blocks(record: Record, tallies: Sequence[Tally], least: int) -> Iterator[tuple[float, Durations]]:
    """Join the blocks after the warm-up, of all these tallies, until each has at least so many answers.

    Gives the middle of each in seconds from the start. The last may have fewer.
    """
    first = record.warm_up_seconds / record.block_seconds
    numbered = sorted(
        ((block.number, block) for tally in tallies for block in tally.blocks if block.number >= first),
        key=lambda each: each[0],
    )
    texts: list[str] = []
    answers, begin = 0, first
    for number, same in itertools.groupby(numbered, key=lambda each: each[0]):
        if not texts:
            begin = number
        here = [block for _, block in same]
        texts += [block.latency for block in here]
        answers += sum(Durations.of([block.latency]).count for block in here)
        if answers >= least:
            yield (begin + number + 1) / 2 * record.block_seconds, Durations.of(texts)
            texts, answers = [], 0
    if answers:
        yield (begin + number + 1) / 2 * record.block_seconds, Durations.of(texts)
