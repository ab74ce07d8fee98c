"""Judges of what callers get while a fault is there and after it, and of what counters and ratios say of that. Pure.

As under load (`load.judging`), a share with few requests behind it FAILs only when it is very unlikely on a platform
that keeps its promise.
"""

from __future__ import annotations

import bisect
import itertools
import math
import statistics
from collections import Counter
from typing import TYPE_CHECKING

from chaos.detectors import LOST, counted_between, counted_in, lives_of, outages, series, total
from chaos.evidence import FIGURES, REPLICAS, Evidence, end, finished, keeps_from_judging, sent, together
from chaos.timeline import Figures, Probed, Replica
from load.statistics import SUSPICIOUS, chance_of_at_least, is_more, needed_for
from load.wording import count, duration, share
from selfcheck.verdict import Outcome, Verdict, failed, inconclusive, not_covered, passed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from chaos.promises import (
        Answered,
        Averaged,
        Burns,
        Counted,
        Dated,
        Discreet,
        Frees,
        Kept,
        Lost,
        Repeated,
        Responsive,
    )

_LIMITED_SHARE_MAX = 0.2
_COUNTED_LATE_SECONDS = 0.1
"""A reading of counters may be so much older or younger than its sample says."""
_FULL = 0.95
"""An average of errors beyond this may have nowhere to rise to."""
_SUNK = 0.5
"""An average that fell below this part of what it was has taken something for a success."""
_OFF_MIN = 3
"""One odd sample may be a scrape that failed."""

# ------------------------------------------------------------------------------------------------------------- answered


def judge_answered(evidence: Evidence, promise: Answered) -> Verdict:
    """What a probe's callers get while the fault is there.

    A request that was under way when the undo began is of neither time, and is left out.
    """
    expected = _expected(promise)
    if blocked := keeps_from_judging(evidence, expected):
        return blocked
    place = evidence.place
    limit = promise.longest_seconds
    if promise.longest_of:
        known = evidence.record.limits.get(promise.longest_of)
        if known is None:
            return inconclusive(expected, f"the platform does not say {promise.longest_of}", **place)
        limit = known + promise.slack_seconds
    begin = evidence.there + promise.after_seconds_min
    every = evidence.timeline.probes(promise.probe, start=begin, end=evidence.undoing)
    judged = [each for each in sent(every) if end(each) <= evidence.undoing]
    if every and is_more(sum(each.outcome == "limited" for each in every), len(every), _LIMITED_SHARE_MAX):
        return inconclusive(expected, "too many of the probes were turned away by the rate limit", **place)
    if len(judged) < promise.requests_min:
        observed = f"only {count(len(judged))} requests, {count(promise.requests_min)} are needed"
        remedy = "hold the fault longer, or send the probe more often"
        return inconclusive(expected, observed, **place, remedy=remedy)
    verdicts = [*_shares(evidence, expected, promise, judged), *_kinds(evidence, expected, promise, judged)]
    verdicts += _times(evidence, expected, promise, judged, limit)
    outcomes = Counter(each.outcome for each in judged)
    seen = ", ".join(f"{count(number)} {outcome.replace('_', ' ')}" for outcome, number in outcomes.most_common())
    longest = max(each.seconds for each in judged)
    verdicts.append(passed(f"{promise.probe}: {seen}, longest {duration(longest)}", where=place["where"]))
    return finished(evidence, expected, together(expected, verdicts, evidence))


def _expected(promise: Answered) -> str:
    parts = []
    if promise.ok_share_min > 0:
        parts.append(f"at least {share(promise.ok_share_min)} answered as promised")
    if promise.ok_share_max < 1:
        parts.append(f"at most {share(promise.ok_share_max)} answered as promised")
    if promise.codes:
        parts.append(f"failures with {' or '.join(promise.codes)}")
    if promise.answered_by:
        parts.append(f"answers of {' or '.join(promise.answered_by)}")
    if promise.outcomes:
        parts.append(f"nothing but {' or '.join(promise.outcomes)}")
    if promise.longest_of:
        parts.append(f"none longer than {promise.longest_of} and {duration(promise.slack_seconds)}")
    elif promise.longest_seconds is not None:
        parts.append(f"none longer than {duration(promise.longest_seconds)}")
    if promise.p95_seconds_max is not None:
        parts.append(f"p95 at most {duration(promise.p95_seconds_max)}")
    return f"{promise.probe} while the fault is there: {', '.join(parts) or 'any answer'}"


def _judged_share(bad: int, total: int, most: float) -> Outcome:
    """Judge whether a number is at most a share of a total; what is merely unlikely FAILs, and no excess is green."""
    if not is_more(bad, total, most):
        return Outcome.PASS
    if total >= needed_for(most) or chance_of_at_least(bad, total, most) < SUSPICIOUS:
        return Outcome.FAIL
    return Outcome.INCONCLUSIVE


def _shares(evidence: Evidence, expected: str, promise: Answered, judged: Sequence[Probed]) -> list[Verdict]:
    good = sum(each.outcome == "ok" for each in judged)
    bad = len(judged) - good
    verdicts = []
    for number, most in ((bad, 1 - promise.ok_share_min), (good, promise.ok_share_max)):
        outcome = _judged_share(number, len(judged), most)
        observed = f"{count(good)} of {count(len(judged))} were answered as promised ({share(good / len(judged))})"
        if outcome is Outcome.FAIL:
            verdicts.append(failed(expected, observed, **evidence.place, notes=_examples(judged)))
        elif outcome is Outcome.INCONCLUSIVE:
            verdicts.append(inconclusive(expected, f"{observed}: too few to tell", **evidence.place))
    return verdicts


def _examples(judged: Sequence[Probed]) -> tuple[str, ...]:
    kinds = Counter(f"{each.outcome} {each.code or each.detail}".strip() for each in judged if each.outcome != "ok")
    return tuple(f"{count(number)} times {kind}" for kind, number in kinds.most_common(3))


def _kinds(evidence: Evidence, expected: str, promise: Answered, judged: Sequence[Probed]) -> list[Verdict]:
    """Judge what answers may be: codes of failures, names of providers, outcomes."""
    wrong: list[tuple[str, Counter[str]]] = []
    if promise.codes:
        codes = Counter(each.code for each in judged if each.outcome == "failed" and each.code not in promise.codes)
        wrong.append(("failures with", codes))
    if promise.answered_by:
        names = (each.answered_by for each in judged if each.outcome == "ok")
        wrong.append(("answers of", Counter(name for name in names if name not in promise.answered_by)))
    if promise.outcomes:
        found = Counter(each.outcome for each in judged if each.outcome not in promise.outcomes)
        wrong.append(("requests that ended as", found))
    return [
        failed(
            expected,
            ", ".join(f"{count(number)} {what} {name or 'none'}" for name, number in found.most_common(4)),
            **evidence.place,
        )
        for what, found in wrong
        if found
    ]


def _times(
    evidence: Evidence, expected: str, promise: Answered, judged: Sequence[Probed], limit: float | None
) -> list[Verdict]:
    verdicts = []
    long = [each.seconds for each in judged if limit is not None and each.seconds > limit]
    if long and limit is not None:
        observed = f"{count(len(long))} of {count(len(judged))} took longer than {duration(limit)}"
        verdicts.append(failed(expected, f"{observed}, the longest {duration(max(long))}", **evidence.place))
    if promise.p95_seconds_max is not None:
        above = sum(each.seconds > promise.p95_seconds_max for each in judged)
        outcome = _judged_share(above, len(judged), 0.05)
        ranked = sorted(each.seconds for each in judged)
        p95 = ranked[math.ceil(0.95 * len(ranked)) - 1]
        observed = f"p95 is {duration(p95)}: {count(above)} of {count(len(judged))} took longer"
        if outcome is Outcome.FAIL:
            verdicts.append(failed(expected, observed, **evidence.place))
        elif outcome is Outcome.INCONCLUSIVE:
            verdicts.append(inconclusive(expected, f"{observed}: too few to tell", **evidence.place))
    return verdicts


# -------------------------------------------------------------------------------------------------------------- counted


def judge_counted(evidence: Evidence, promise: Counted) -> Verdict:
    """A counter moves by at least as many as the probes of its replica failed with a code."""
    named = ",".join(f'{key}="{value}"' for key, value in promise.labels.items() if value != _CODE)
    how = f" with {promise.code}" * bool(promise.code)
    how += ", with the code that callers are told" * (_CODE in promise.labels.values())
    expected = f"{promise.counter}{{{named}}} counts what fails{how}"
    if blocked := keeps_from_judging(evidence, expected, sources=(REPLICAS,)):
        return blocked
    place = evidence.place
    every = [
        each
        for each in evidence.timeline.probes(promise.probe)
        if each.outcome == "failed" and promise.code in {"", each.code} and end(each) >= evidence.start
    ]
    if not every:
        return inconclusive(expected, f"no request of {promise.probe} failed{how}", **place)
    verdicts = []
    judged = 0
    for labels, alike in _by_labels(promise, every):
        for name, grown, inside in _compared(evidence, promise.counter, labels, alike):
            judged += inside
            on = f" on {name}" * bool(name) + f" with {alike[0].code}" * (labels != promise.labels)
            if round(grown) < inside:
                observed = f"it grew by {count(grown)}{on}, and {count(inside)} requests failed so"
                verdicts.append(failed(expected, observed, **place))
            elif inside:
                verdicts.append(passed(f"{count(grown)} counted{on}, {count(inside)} seen", where=place["where"]))
    if not judged:
        return inconclusive(expected, "no such request ended between two readings of the counter", **place)
    for never in promise.never:
        moved = sum(_grown(evidence, promise.counter, never, (one,), ())[0] for one in evidence.replicas)
        if moved > promise.never_most:
            named = ",".join(f'{key}="{value}"' for key, value in never.items())
            observed = f"{promise.counter}{{{named}}} grew by {count(moved)}, at most {count(promise.never_most)} may"
            verdicts.append(failed(expected, observed, **place))
    return together(expected, verdicts, evidence)


def _compared(
    evidence: Evidence, counter: str, labels: Mapping[str, str], probes: Sequence[Probed]
) -> Iterator[tuple[str, float, int]]:
    """Give by replica how much a counter grew and how many probes surely failed meanwhile."""
    for name, members in _gone_to(evidence, probes):
        if own := [each for each in probes if name in {"", each.replica}]:
            yield name, *_grown(evidence, counter, labels, members, own, whole=not name)


_CODE = "{code}"


def _by_labels(promise: Counted, probes: Sequence[Probed]) -> Iterator[tuple[dict[str, str], list[Probed]]]:
    """Give the labels under which probes are counted: one set for all, or one for each code that they failed with."""
    if _CODE not in promise.labels.values():
        yield promise.labels, list(probes)
        return
    for code in sorted({each.code for each in probes}):
        labels = {name: code if value == _CODE else value for name, value in promise.labels.items()}
        yield labels, [each for each in probes if each.code == code]


def _gone_to(evidence: Evidence, probes: Sequence[Probed]) -> list[tuple[str, tuple[str, ...]]]:
    """Give whom probes were sent to: each replica by itself, or, through the load balancer, all under an empty name."""
    if any(not each.replica for each in probes):
        return [("", evidence.replicas)]
    return [(one, (one,)) for one in evidence.replicas]


def _grown(
    evidence: Evidence,
    counter: str,
    labels: Mapping[str, str],
    members: Sequence[str],
    own: Sequence[Probed],
    *,
    whole: bool = False,
) -> tuple[float, int]:
    """Say by how much a counter grew on some replicas from the fault on, and how many requests surely ended meanwhile.

    Each process is taken by itself: what one counted after its last reading is lost with it. With `whole`, the requests
    may have gone to any replica, so that only those count for which all of them were read before and after.
    """
    grown = 0.0
    stretches: list[tuple[float, float]] = []
    for member in members:
        for life in lives_of(evidence.timeline, member):
            first = max(
                (one for one in life if one.since <= evidence.start), default=life[0], key=lambda one: one.since
            )
            grown += max(0.0, total(life[-1], counter, labels) - total(first, counter, labels))
            stretches.append((first.since + _COUNTED_LATE_SECONDS, life[-1].since - _COUNTED_LATE_SECONDS))
    if whole:
        if len(stretches) != len(members):
            return grown, 0
        stretches = [(max(one for one, _ in stretches), min(other for _, other in stretches))]
    inside = sum(1 for each in own if any(one <= each.since and end(each) <= other for one, other in stretches))
    return grown, inside


# ------------------------------------------------------------------------------------------------------------- averages


def judge_averaged(evidence: Evidence, promise: Averaged) -> Verdict:
    """A moving average of errors rises while requests of its replica fail, and falls when they succeed again.

    Where requests went through the load balancer, it rises on some replica.
    """
    expected = f"{promise.gauge} rises with failures and falls after them, within 0 and 1"
    if blocked := keeps_from_judging(evidence, expected, sources=(REPLICAS,)):
        return blocked
    probes = evidence.timeline.probes(promise.probe)
    # A process that began anew has an average of its own.
    lives = {name: found[0] for name in evidence.replicas if len(found := lives_of(evidence.timeline, name)) == 1}
    verdicts = []
    for name, members in _gone_to(evidence, probes):
        own = [each for each in probes if name in {"", each.replica}]
        theirs = {member: lives[member] for member in members if member in lives}
        if theirs and (verdict := _averaged(evidence, promise, own, theirs, expected)):
            verdicts.append(verdict)
    if not verdicts:
        observed = (
            f"fewer than {promise.failures_min} requests of {promise.probe} failed on any replica that went on running"
        )
        return inconclusive(expected, observed, **evidence.place)
    return together(expected, verdicts, evidence)


def _averaged(
    evidence: Evidence,
    promise: Averaged,
    probes: Sequence[Probed],
    lives: Mapping[str, Sequence[Replica]],
    expected: str,
) -> Verdict | None:
    """Judge replicas that these probes went to; None where too few of them failed to say anything."""
    place, on = evidence.place, " and ".join(lives)
    failures = [end(each) for each in probes if each.outcome == "failed" and end(each) >= evidence.start]
    if len(failures) < promise.failures_min:
        return None
    read = {name: _readings(life, promise.gauge) for name, life in lives.items()}
    every = [value for readings in read.values() for _, value in readings]
    if not every:
        return inconclusive(expected, f"{promise.gauge} is on no page of {on}", **place)
    beyond = next((value for value in every if not 0 <= value <= 1), None)
    if beyond is not None:
        return failed(expected, f"it was {beyond:g} on {on}", **place)
    until = max(failures) + _COUNTED_LATE_SECONDS
    during = [
        [value for since, value in readings[max(0, bisect.bisect(readings, (evidence.start,)) - 1) :] if since <= until]
        for readings in read.values()
    ]
    peak = max((value for values in during for value in values), default=0.0)
    # One that is at its end already cannot rise.
    if peak < _FULL and not any(one < other for values in during for one, other in itertools.pairwise(values)):
        observed = f"it never rose above {peak:g} on {on}, while {count(len(failures))} requests failed"
        return failed(expected, observed, **place)
    well = [each for each in probes if each.outcome == "ok" and end(each) > max(failures)]
    if wrong := _sunk(evidence, promise, lives) or (
        len(well) >= promise.failures_min and _stays(read, max(failures), len(well))
    ):
        return failed(expected, wrong, **place)
    return passed(f"up to {peak:.2f} on {on}", where=place["where"])


def _stays(read: Mapping[str, list[tuple[float, float]]], failed_last: float, well: int) -> str:
    """Say where the average did not fall with successes alone; through the load balancer it is not known whose."""
    if len(read) != 1:
        return ""
    ((name, readings),) = read.items()
    after = [value for since, value in readings if since >= failed_last]
    if len(after) > 1 and max(after) > 0 and not any(one > other for one, other in itertools.pairwise(after)):
        return f"it stays at {after[-1]:g} on {name}, with {count(well)} successes after the last failure"
    return ""


def _sunk(evidence: Evidence, promise: Averaged, lives: Mapping[str, Sequence[Replica]]) -> str:
    """Say where the average fell to less than half of what it was, with nothing but failures to average."""
    for name, life in lives.items() if promise.counter else ():
        there = [each for each in life if evidence.there <= each.since <= evidence.undoing]
        highest, good = 0.0, -1.0
        for each in there:
            value, successes = each.counters.get(promise.gauge), total(each, promise.counter, promise.good)
            if value is None:
                continue
            # A success may be counted a moment before it is averaged: only from the next reading on there is none.
            if successes != good:
                highest, good = 0.0, successes
            elif highest and value < highest * _SUNK:
                return f"it fell from {highest:.2f} to {value:.2f} on {name}, where every request failed meanwhile"
            else:
                highest = max(highest, value)
    return ""


def _readings(life: Sequence[Replica], gauge: str) -> list[tuple[float, float]]:
    """Give when a gauge had which value."""
    return [(each.since, each.counters[gauge]) for each in life if gauge in each.counters]


# ------------------------------------------------------------------------------------------------------------- repeated


def judge_repeated(evidence: Evidence, promise: Repeated) -> Verdict:
    """What was kept of the time of the fault does not answer afterwards: neither a failure, nor somebody else's."""
    expected = f"{promise.answered_by} reads a file after the fault that was sent meanwhile, too"
    if blocked := keeps_from_judging(evidence, expected):
        return blocked
    place = evidence.place
    during = evidence.record.repeated_during.get(promise.repeat)
    after = evidence.record.repeated_after.get(promise.repeat)
    if during is None or after is None:
        when = "while the fault was there" if during is None else "after it: it did not recover in time"
        return inconclusive(expected, f"it was not sent {when}", **place)
    trouble = during.trouble or after.trouble
    served = during.values.get(promise.success)
    if not trouble and served is promise.fails:
        trouble = f"it {'was served' if served else 'failed'} while the fault was there"
    if trouble:
        return inconclusive(expected, trouble, **place)
    if after.values.get(promise.success) is not True:
        said = ", ".join(f"{name} = {value}" for name, value in after.values.items())
        return failed(expected, f"it fails still after recovery: HTTP {after.status}, {said}", **place)
    if after.values.get(promise.provider) != promise.answered_by:
        return failed(expected, f"{promise.provider} = {after.values.get(promise.provider)}", **place)
    return passed(f"{promise.answered_by} reads it", where=place["where"])


# ------------------------------------------------------------------------------------------------------------- discreet


def judge_discreet(evidence: Evidence, promise: Discreet) -> Verdict:  # noqa: ARG001 - it says nothing but its experiment
    """No answer that is not as promised gives away what no error may say."""
    expected = "errors tell nothing of how the service is made inside"
    if blocked := keeps_from_judging(evidence, expected):
        return blocked
    told = [
        each
        for each in evidence.timeline.of(Probed)
        if each.status and each.outcome != "ok" and end(each) >= evidence.start
    ]
    if not told:
        return inconclusive(expected, "no probe was answered in another way than promised", **evidence.place)
    leaking = [each for each in told if each.leak]
    if leaking:
        first = leaking[0]
        observed = f"{count(len(leaking))} of {count(len(told))} such answers do: {first.probe}, {first.leak}"
        return failed(expected, observed, **evidence.place)
    return passed(f"{count(len(told))} answers, none does", where=evidence.place["where"])


# ----------------------------------------------------------------------------------------------------------- responsive


def judge_responsive(evidence: Evidence, promise: Responsive) -> Verdict:
    """No replica is slow to answer what has nothing to do with the fault; not to answer at all is slow, too."""
    expected = f"at most {share(promise.share_max)} of the readings of a replica's metrics page take long"
    if blocked := keeps_from_judging(evidence, expected):
        return blocked
    place = evidence.place
    verdicts = []
    for name in evidence.replicas:
        readings = [each for each in evidence.timeline.of(Replica) if each.replica == name]
        before = [each.seconds for each in readings if each.up and each.since < evidence.start]
        there = [each for each in readings if evidence.there <= each.since <= evidence.undoing]
        if not before or len(there) < promise.readings_min:
            continue
        limit = max(promise.slow_seconds, promise.times * statistics.median(before))
        slow = sum(not each.up or each.seconds > limit for each in there)
        observed = f"{count(slow)} of {count(len(there))} took longer than {duration(limit)} on {name}"
        if is_more(slow, len(there), promise.share_max):
            verdicts.append(failed(expected, observed, **place))
        else:
            verdicts.append(passed(observed, where=place["where"]))
    if not verdicts:
        return inconclusive(expected, "no replica was read often enough, before and meanwhile", **place)
    return together(expected, verdicts, evidence)


# ---------------------------------------------------------------------------------------------------------------- frees


def judge_frees(evidence: Evidence, promise: Frees) -> Verdict:
    """No replica that went on running has many more files and connections open after it than before."""
    expected = f"{promise.gauge} is about what it was, once all has recovered"
    if blocked := keeps_from_judging(evidence, expected, sources=(REPLICAS,)):
        return blocked
    place = evidence.place
    verdicts = []
    for name in evidence.replicas:
        lives = lives_of(evidence.timeline, name)
        readings = _readings(lives[0], promise.gauge) if len(lives) == 1 else []
        before = [value for since, value in readings if since <= evidence.start]
        after = [
            value for since, value in readings if since >= max(evidence.gone, evidence.last - promise.window_seconds)
        ]
        if not before or not after:
            continue
        most = max(before) + max(promise.more_most, promise.share_most * max(before))
        observed = f"{max(before):g} before, {min(after):g} after it on {name}"
        if min(after) > most:
            verdicts.append(failed(f"{expected}: at most {most:g}", observed, **place))
        else:
            verdicts.append(passed(observed, where=place["where"]))
    if not verdicts and not any(promise.gauge in each.counters for each in evidence.timeline.of(Replica)):
        return not_covered(
            f"no replica has {promise.gauge} on its page", "correct `gauge` in the contract's chaos.toml"
        )
    if not verdicts:
        return inconclusive(expected, f"no replica told {promise.gauge} before and after", **place)
    return together(expected, verdicts, evidence)


# ----------------------------------------------------------------------------------------------------------------- lost


def _limits(promise: Lost) -> str:
    most = f"at most {count(promise.most)} requests" + f" or {share(promise.share_max)}" * bool(promise.share_max)
    outage = promise.outage_seconds_max
    return most if outage is None else f"{most}, no outage longer than {duration(outage)}"


def judge_lost(evidence: Evidence, promise: Lost) -> Verdict:
    """Few enough requests get no answer of the platform, and for no longer than promised."""
    expected = f"lost are {_limits(promise)}"
    if blocked := keeps_from_judging(evidence, expected):
        return blocked
    place = evidence.place
    every = [
        each
        for each in sent(evidence.timeline.of(Probed))
        if not each.replica and (each.probe in promise.probes or not promise.probes) and end(each) >= evidence.start
    ]
    if not every:
        return inconclusive(expected, "no probe went through the load balancer", **place)
    missing = [probe for probe in promise.probes if all(each.probe != probe for each in every)]
    if missing:
        return inconclusive(expected, f"nothing of the probe {missing[0]} was seen", **place)

    def is_lost(each: Probed) -> bool:
        return each.outcome in LOST or each.seconds > promise.late_seconds

    lost = sum(map(is_lost, every))
    asked = len(every)
    parts = [f"{count(lost)} of {count(asked)} probes"]
    notes = []
    traffic = evidence.record.traffic
    if traffic.planned and not traffic.trouble:
        due, gone = _load_after(evidence, evidence.start)
        parts.append(f"{count(gone)} of {count(due)} requests of the load")
        lost, asked = lost + gone, asked + due
    elif traffic.trouble:
        notes.append(f"the load does not count: {traffic.trouble}")
    allowed = max(float(promise.most), promise.share_max * asked)
    kinds = Counter(each.outcome if each.outcome in LOST else "too late" for each in every if is_lost(each))
    named = f" ({', '.join(f'{count(number)} {kind}' for kind, number in kinds.most_common())})" if kinds else ""
    verdicts = []
    if lost > allowed + 1e-9:
        verdicts.append(failed(expected, f"lost: {' and '.join(parts)}{named}", **place))
    late = kinds["too late"]
    if not verdicts and late > max(float(promise.most), promise.share_max * len(every)):
        # Of the load it is not known which of its answers came late: it says nothing for the others.
        verdicts.append(failed(expected, f"too late came {count(late)} of {count(len(every))} probes", **place))
    longest = max(
        (
            span.seconds
            for probe in {each.probe for each in every}
            for span in outages((each for each in every if each.probe == probe), is_lost)
        ),
        default=0.0,
    )
    if promise.outage_seconds_max is not None and longest > promise.outage_seconds_max:
        verdicts.append(failed(expected, f"nothing got through for {duration(longest)}", **place))
    outage = f", longest outage {duration(longest)}" if longest else ""
    verdicts.append(passed(f"lost: {' and '.join(parts)}{named}{outage}", where=place["where"]))
    return finished(evidence, expected, together(expected, verdicts, evidence)).with_notes(*notes)


def _load_after(evidence: Evidence, since: float) -> tuple[int, int]:
    """Count the requests of the background load that were due from a moment on, and how many of them failed."""
    traffic = evidence.record.traffic
    if not traffic.failed_at:
        return traffic.answered + traffic.failed, traffic.failed
    blocks = _blocks(traffic.failed_at)
    chosen = [(due, bad) for _, over, due, bad in blocks if over > since]
    return sum(due for due, _ in chosen), sum(bad for _, bad in chosen)


def _blocks(failed_at: Sequence[tuple[float, int, int]]) -> list[tuple[float, float, int, int]]:
    """Give each block of time of the load's record as (begin, end, requests due, of these failed)."""
    starts = [start for start, _, _ in failed_at]
    step = min((other - one for one, other in itertools.pairwise(starts)), default=1.0)
    return [(start, start + step, due, bad) for start, due, bad in failed_at]


# ----------------------------------------------------------------------------------------------------------------- kept


def judge_kept(evidence: Evidence, promise: Kept) -> Verdict:
    """The store has grown by as many rows as the replicas counted meanwhile."""
    most = f"at most {count(promise.lost_most)}" if promise.lost_most else "none"
    expected = f"of what {promise.counter} counts, {most} is missing in the store"
    if blocked := keeps_from_judging(evidence, expected, sources=(REPLICAS,)):
        return blocked
    place = evidence.place
    before, after = evidence.record.stored_before.get(promise.id), evidence.record.stored_after.get(promise.id)
    if before is None or after is None:
        when = "before" if before is None else "after"
        return inconclusive(expected, f"how much was stored {when} the experiment is not known", **place)
    counted = sum(counted_in(evidence.timeline, promise.counter, name) for name in evidence.replicas)
    if not counted:
        return inconclusive(expected, "nothing was counted that would have been stored", **place)
    observed = f"{count(after - before)} rows more, and {count(counted)} requests were counted"
    missing = counted - (after - before)
    if missing > promise.lost_most:
        return failed(expected, f"{observed}: {count(missing)} are missing", **place)
    return passed(observed, where=place["where"])


# ---------------------------------------------------------------------------------------------------------------- dated


def judge_dated(evidence: Evidence, promise: Dated) -> Verdict:
    """As many rows are of the time of the fault as requests were counted then, and none is there twice."""
    expected = f"the history has what {promise.counter} counts at its own time, each once"
    if blocked := keeps_from_judging(evidence, expected, sources=(REPLICAS,)):
        return blocked
    place = evidence.place
    found = evidence.record.stored_meanwhile.get(promise.id)
    if found is None or found.trouble:
        observed = "what is stored of the time of the fault is not known"
        return inconclusive(expected, observed if found is None else f"{observed}: {found.trouble}", **place)
    counted = [
        counted_between(evidence.timeline, promise.counter, name, evidence.start, evidence.undoing)
        for name in evidence.replicas
    ]
    least, most = sum(low for low, _ in counted), sum(high for _, high in counted)
    if found.twice:
        observed = f"{count(found.twice)} of {count(found.rows)} rows of the time of the fault are there once more"
        return failed(expected, observed, **place)
    if not least or not math.isfinite(most):
        observed = "nothing was counted" if math.isfinite(most) else "a replica was not read all the while"
        return inconclusive(expected, observed, **place)
    tolerated = max(promise.rows_tolerated, promise.share_tolerated * most)
    observed = f"{count(found.rows)} rows are of the time of the fault, and {count(least)} to {count(most)} requests"
    if not least - tolerated <= found.rows <= most + tolerated:
        return failed(expected, observed, **place)
    return passed(observed, where=place["where"])


# ---------------------------------------------------------------------------------------------------------------- burns


def judge_burns(evidence: Evidence, promise: Burns) -> Verdict:
    """The error ratio that Prometheus works out is what the replicas count.

    Compared is only when the ratio's whole window is of the timeline; what Prometheus knows is up to a scrape and an
    evaluation old, and a window of its own has one step less or more.
    """
    expected = f"{promise.watch} is the share of failed requests within {share(promise.tolerance)}"
    if blocked := keeps_from_judging(evidence, expected, sources=(FIGURES, REPLICAS)):
        return blocked
    place, record = evidence.place, evidence.record
    window = evidence.scaled(promise.window_seconds)
    interval = max((rule.interval_seconds for rule in record.rules), default=record.scrape_seconds)
    lag = record.scrape_seconds + interval
    seen = _Requests(evidence, promise)
    compared = 0
    off: list[tuple[float, float, float, float]] = []
    highest = 0.0
    for sample in evidence.timeline.of(Figures):
        value = sample.values.get(promise.watch)
        if value is None or not evidence.there <= sample.since <= evidence.undoing or sample.since < window + lag:
            continue
        ratios = seen.ratios(sample.since, window, lag)
        if not ratios:
            continue
        compared += 1
        low, high = min(ratios), max(ratios)
        highest = max(highest, low)
        if not low - promise.tolerance <= value <= high + promise.tolerance:
            off.append((sample.since, value, low, high))
    if not compared:
        observed = f"no sample had a whole window of {duration(window)} and enough requests behind it"
        return inconclusive(expected, observed, **place, remedy="hold the fault longer")
    if len(off) >= _OFF_MIN and len(off) > compared / 2:
        since, value, low, high = off[-1]
        counted = share(low) if round(low, 3) == round(high, 3) else f"{share(low)} to {share(high)}"
        observed = f"{promise.watch} was {share(value)} {evidence.after_fault(since)}, the replicas counted {counted}"
        return failed(expected, f"{observed} ({count(len(off))} of {count(compared)} samples are off)", **place)
    if not highest:
        # Resets may have met no connection: then the ratio is promised to stay where it is.
        return passed(f"no request failed, and {count(compared)} samples agree", where=place["where"])
    observed = f"{count(compared - len(off))} of {count(compared)} samples agree, up to {share(highest)}"
    return passed(observed, where=place["where"])


class _Requests:
    """When the replicas counted requests, and how many of them had failed: for the share in a window of time."""

    _STEPS = 8
    _LEAST = 10

    def __init__(self, evidence: Evidence, promise: Burns) -> None:
        events = sorted(
            _since(earlier, later, promise)
            for replica in evidence.replicas
            for life in lives_of(evidence.timeline, replica)
            for earlier, later in itertools.pairwise(life)
        )
        self._at = [at for at, _, _ in events]
        self._due = [0, *itertools.accumulate(due for _, due, _ in events)]
        self._bad = [0, *itertools.accumulate(bad for _, _, bad in events)]

    def ratios(self, since: float, window: float, lag: float) -> list[float]:
        """Give what the share may have been in a window that ended up to `lag` before a moment."""
        ends = [since - lag * step / self._STEPS for step in range(self._STEPS + 1)]
        found = (self._ratio(one - window, one) for one in ends)
        return [ratio for ratio in found if ratio is not None]

    def _ratio(self, begin: float, finish: float) -> float | None:
        one, other = bisect.bisect_left(self._at, begin), bisect.bisect_left(self._at, finish)
        due = self._due[other] - self._due[one]
        return (self._bad[other] - self._bad[one]) / due if due >= self._LEAST else None


def _since(earlier: Replica, later: Replica, promise: Burns) -> tuple[float, int, int]:
    """Give how many requests a process has counted between two readings, how many of them as failed, and when."""
    due = bad = 0.0
    for sample, sign in ((earlier, -1), (later, 1)):
        for key, value in sample.counters.items():
            name, labels = series(key)
            if name in promise.counters:
                due += sign * value
                bad += sign * value if labels.get(promise.label) not in promise.good else 0.0
    return later.since, round(due), round(bad)
