"""Judges of what clients saw: latency, errors, throughput, rate limits, fairness. Pure.

How certain a FAIL is: a share or quantile with enough requests behind it is taken at its word. With fewer, it FAILs
only when so bad a figure is practically impossible on a platform that keeps its promise (`statistics.BEYOND_DOUBT`), is
INCONCLUSIVE when it is merely unlikely, and else PASSes with the remark that it was only watched. So the rare
operations of a mix are guarded against gross breaches and never decide by a single slow request.

Failed and missing answers are taken more seriously, because no busy machine explains them: what is merely unlikely
FAILs, and a measured share above the limit is never green.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from load.evidence import by_fate, examples, finished, keeps_from_judging, together
from load.promises import WINDOW_SECONDS
from load.record import ERRORS, Durations, Fate
from load.statistics import (
    BEYOND_DOUBT,
    SUSPICIOUS,
    chance_of_at_least,
    chance_of_difference,
    chance_of_same,
    is_more,
    needed_for,
)
from load.wording import clock, count, duration, quantile, rate, share
from selfcheck.verdict import Outcome, Verdict, combine, failed, inconclusive, not_covered, passed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from load.evidence import Evidence
    from load.promises import Errors, Fairness, Latency, RateLimit, ServerErrors, Throughput
    from load.record import Tally

# -------------------------------------------------------------------------------------------------------------- latency


@dataclass(frozen=True, slots=True)
class _Times:
    """How long the requests of an operation took; those that nobody answered took longer than any limit.

    `durations` are of answers as promised: an error that comes fast is no achievement, and is judged as an error.
    """

    durations: Durations
    unanswered: int

    @property
    def total(self) -> int:
        return self.durations.count + self.unanswered

    def above(self, seconds: float) -> int:
        return self.durations.above(seconds) + self.unanswered

    def quantile(self, q: float) -> float:
        """Give the q-quantile of all; infinite where it falls among the unanswered."""
        rank = math.ceil(q * self.total - 1e-9)
        return self.durations.quantile(rank / self.durations.count) if rank <= self.durations.count else math.inf


def judge_latency(evidence: Evidence, promise: Latency) -> Verdict:
    """Each quantile is at most its limit, counted from when requests were due.

    A quantile is measured when the profile names it and there are enough requests for it; else it is watched (see the
    module). One that the profile planned enough requests for, and that has too few answers, is INCONCLUSIVE. An
    operation of which too few requests are planned for even one quantile is outside of what the profile covers.
    """
    record = evidence.record
    expected = f"{promise.operation}: " + ", ".join(
        f"{quantile(q)} at most {duration(limit)}" for q, limit in promise.limits
    )
    if blocked := keeps_from_judging(evidence, expected):
        return blocked
    tallies = record.of(promise.operation)
    unanswered = sum(evidence.unanswered(tally) for tally in tallies)
    latency = _Times(record.latency(promise.operation), unanswered)
    service = _Times(record.service(promise.operation), unanswered)
    planned = sum(tally.planned for tally in tallies)
    if evidence.is_limited(promise.operation):
        planned -= sum(tally.fate(Fate.LIMITED) for tally in tallies)
    measured, watched, missing = _weighed(evidence, promise, latency.total, planned)
    if not (measured or watched or missing):
        if record.interrupted:
            observed = f"only {_requests(latency.total)} until the run was interrupted"
            return inconclusive(expected, observed, **evidence.place)
        return _not_asked_for(evidence, promise.operation, planned)
    left = f"{count(latency.total)} of {count(planned)} were answered as promised ({by_fate(tallies)})"
    verdicts = [
        inconclusive(expected, f"{quantile(q)} needs {count(needed_for(1 - q))} requests; {left}", **evidence.place)
        for q in missing
    ]
    for q, limit in promise.limits:
        if bad := _too_slow(evidence, expected, latency, service, q, limit, enough=q in measured):
            verdicts.append(bad)
    known = ", ".join(f"{quantile(q)} {duration(latency.quantile(q))}" for q in measured)
    longest = f"longest {duration(latency.durations.longest)} of {_requests(latency.total)}"
    verdicts.append(passed(f"{known}, {longest}" if known else longest, where=evidence.place["where"]))
    verdict = combine(verdicts).with_notes(
        *(
            f"target missed: {quantile(q)} is {duration(latency.quantile(q))}, the aim is {duration(target)}"
            for q, target in promise.targets
            if q in measured and is_more(latency.above(target), latency.total, 1 - q)
        )
    )
    if watched:
        observed = f"{verdict.observed}; {_only_watched(watched, latency.total)}"
        verdict = replace(verdict, observed=observed)
    return finished(evidence, expected, verdict)


def _weighed(
    evidence: Evidence, promise: Latency, total: int, planned: int
) -> tuple[list[float], list[float], list[float]]:
    """Sort the quantiles of a promise: those that are measured, those that are watched, and those that are missing.

    None of the three is what so few requests say nothing about, even if all of them were slow.
    """
    measured: list[float] = []
    watched: list[float] = []
    missing: list[float] = []
    for q, _ in promise.limits:
        needed = needed_for(1 - q)
        if q in evidence.profile.quantiles and planned >= needed and not evidence.record.interrupted:
            (measured if total >= needed else missing).append(q)
        elif total and (1 - q) ** total < BEYOND_DOUBT:
            watched.append(q)
    return measured, watched, missing


def _only_watched(quantiles: Sequence[float], total: int) -> str:
    needs = ", ".join(f"{quantile(q)} needs {count(needed_for(1 - q))}" for q in quantiles)
    return f"watched for gross breaches only, with {_requests(total)}: {needs}"


def _too_slow(
    evidence: Evidence, expected: str, latency: _Times, service: _Times, q: float, limit: float, *, enough: bool
) -> Verdict | None:
    """Judge one quantile; None when nothing speaks against it.

    Latency is what counts. Where it breaks the limit and the time from when requests were really sent does not, the
    delay arose before anything was sent: in the generator, which says nothing about the platform.
    """
    above, total = latency.above(limit), latency.total
    outcome = _judged_share(above, total, 1 - q, enough=enough)
    if outcome is Outcome.PASS:
        return None
    many = f"{count(above)} of {_requests(total)} took longer than {duration(limit)}"
    observed = f"{quantile(q)} is {duration(latency.quantile(q))}: {many}" if enough else f"{quantile(q)}: {many}"
    if latency.unanswered:
        observed += f", {count(latency.unanswered)} of them without an answer"
    if not enough:
        observed += f" (chance {chance_of_at_least(above, total, 1 - q):.1g} if {quantile(q)} were kept)"
    if outcome is Outcome.INCONCLUSIVE:
        remedy = "a longer run, or a profile with a higher rate, tells"
        return inconclusive(expected, observed, **evidence.place, remedy=remedy)
    if _judged_share(service.above(limit), service.total, 1 - q, enough=enough) is Outcome.PASS:
        sent = f"from when they were sent, {count(service.above(limit))} did"
        remedy = "the generator sent them late: give it more room"
        return inconclusive(expected, f"{observed}; {sent}", **evidence.place, remedy=remedy)
    return failed(expected, observed, **evidence.place)


def _judged_share(number: int, total: int, most: float, *, enough: bool, failures: bool = False) -> Outcome:
    """Judge whether a number is at most the share `most` of a total; see the module for how certain a FAIL is.

    `enough` says whether the share is taken at its word. With `failures`, what is merely unlikely FAILs already, and no
    excess is a PASS.
    """
    if not is_more(number, total, most):
        return Outcome.PASS
    if enough:
        return Outcome.FAIL
    chance = chance_of_at_least(number, total, most)
    if chance < (SUSPICIOUS if failures else BEYOND_DOUBT):
        return Outcome.FAIL
    return Outcome.INCONCLUSIVE if failures or chance < SUSPICIOUS else Outcome.PASS


def _not_asked_for(evidence: Evidence, operation: str, planned: int) -> Verdict:
    """Say that a profile has nothing, or too little, to say about an operation."""
    record = evidence.record
    observed = f"the profile {record.profile} had {_requests(max(0, planned))} of {operation}, too few to tell anything"
    if operation in record.left_out:
        return not_covered(record.left_out[operation], "put the deployment's own paths into the contract's api.toml")
    if not any(tally.operation == operation for tally in record.tallies):
        observed = f"{operation} is not in the mix of the profile {record.profile}"
    return not_covered(observed, "a longer profile covers it: PROFILE=steady")


# --------------------------------------------------------------------------------------------------- errors, throughput


def judge_errors(evidence: Evidence, promise: Errors) -> Verdict:
    """At most a share of the requests fails."""
    what = promise.operation or "all operations"
    expected = f"{what}: at most {share(promise.share_max)} of requests fail"
    if blocked := keeps_from_judging(evidence, expected):
        return blocked
    tallies = evidence.record.of(promise.operation or None)
    errors = sum(evidence.errors(tally) for tally in tallies)
    total = sum(evidence.requests(tally) for tally in tallies)
    if not total:
        if any(tally.started for tally in tallies):
            return inconclusive(expected, f"nothing but {by_fate(tallies)}", **evidence.place)
        return _not_asked_for(evidence, what, 0)
    enough = total >= needed_for(promise.share_max) and not evidence.record.interrupted
    outcome = _judged_share(errors, total, promise.share_max, enough=enough, failures=True)
    observed = f"{count(errors)} of {_requests(total)} failed ({share(errors / total)})"
    if errors:
        observed += f": {by_fate(tallies)}"
    notes = examples(tallies, *ERRORS, *([] if evidence.is_limited(promise.operation) else [Fate.LIMITED]))
    if outcome is Outcome.FAIL:
        return failed(expected, observed, **evidence.place, notes=notes)
    if outcome is Outcome.INCONCLUSIVE:
        observed += "; too few requests to be sure"
        return inconclusive(expected, observed, **evidence.place).with_notes(*notes)
    verdict = passed(observed, where=evidence.place["where"], notes=notes)
    if is_more(errors, total, promise.share_target):
        aim = f"the aim is at most {share(promise.share_target)}"
        verdict = verdict.with_notes(f"target missed: {share(errors / total)} of {what} failed, {aim}")
    return finished(evidence, expected, verdict)


def judge_server_errors(evidence: Evidence, promise: ServerErrors) -> Verdict:
    """No request is answered with HTTP 5xx; one is enough for a FAIL."""
    expected = f"at most {promise.most} answers with HTTP 5xx"
    if blocked := keeps_from_judging(evidence, expected):
        return blocked
    tallies = evidence.record.tallies
    number = sum(tally.fate(Fate.SERVER_ERROR) for tally in tallies)
    total = sum(evidence.answers(tally) for tally in tallies)
    observed = f"{count(number)} of {count(total)} answers"
    if number > promise.most:
        each = Counter({tally.operation: 0 for tally in tallies})
        for tally in tallies:
            each[tally.operation] += tally.fate(Fate.SERVER_ERROR)
        observed += ": " + ", ".join(f"{operation} {count(many)}" for operation, many in each.most_common() if many)
        return failed(expected, observed, **evidence.place, notes=examples(tallies, Fate.SERVER_ERROR))
    if not total:
        return inconclusive(expected, f"no answer at all: {by_fate(tallies)}", **evidence.place)
    return finished(evidence, expected, passed(observed, where=evidence.place["where"]))


def judge_throughput(evidence: Evidence, promise: Throughput) -> Verdict:
    """Arrivals are answered at the rate at which they come.

    Target are the arrivals that were due after the warm-up. Achieved are those of them that were started and got a
    complete answer, of whatever kind, within the profile's timeout: what an answer says is judged as an error, and how
    late it comes as latency. Dropped arrivals, which found too many requests under way, are counted on their own.
    """
    record = evidence.record
    tallies = record.tallies
    expected = f"at least {share(promise.share_min)} of arrivals answered, at most {promise.dropped_max} dropped"
    if blocked := keeps_from_judging(evidence, expected):
        return blocked
    planned = sum(tally.planned for tally in tallies)
    if record.interrupted:
        planned -= sum(tally.fate(Fate.UNFINISHED) for tally in tallies)
    dropped = sum(tally.dropped for tally in tallies)
    answered = sum(evidence.answers(tally) for tally in tallies)
    good = sum(tally.fate(Fate.OK) for tally in tallies)
    seconds = record.judged_seconds
    observed = (
        f"{rate(answered / seconds)} achieved of {rate(planned / seconds)}: {count(planned)} arrivals due,"
        if seconds > 0
        else f"{count(planned)} arrivals due,"
    ) + f" {count(dropped)} dropped, {count(answered)} answered ({count(good)} as promised)"
    if dropped > promise.dropped_max:
        under_way = sum(worker.in_flight_max for worker in record.workers)
        note = f"up to {count(under_way)} requests were under way; the profile allows {evidence.profile.in_flight_max}"
        return failed(expected, observed, **evidence.place, notes=[note])
    if not planned:
        return inconclusive(expected, observed, **evidence.place)
    enough = planned >= needed_for(1 - promise.share_min) and not record.interrupted
    outcome = _judged_share(planned - answered, planned, 1 - promise.share_min, enough=enough, failures=True)
    if outcome is Outcome.FAIL:
        return failed(expected, observed, **evidence.place, notes=examples(tallies, *ERRORS))
    if outcome is Outcome.INCONCLUSIVE:
        notes = examples(tallies, *ERRORS)
        return inconclusive(expected, f"{observed}; too few to be sure", **evidence.place).with_notes(*notes)
    return finished(evidence, expected, passed(observed, where=evidence.place["where"]))


# ---------------------------------------------------------------------------------------------------------- rate limits


@dataclass(frozen=True, slots=True)
class _Use:
    """What one client asked of a limit in each block, in what its requests cost.

    `asked` is what was due, `sent` all that the limit may have counted, `served` what it must have. `refused` has, for
    blocks in which requests were limited, the cost of the dearest.
    """

    asked: Sequence[int]
    sent: Sequence[int]
    served: Sequence[int]
    refused: Mapping[int, int]

    @classmethod
    def of(cls, tallies: Iterable[Tally], costs: Mapping[str, int]) -> _Use:
        asked: Counter[int] = Counter()
        sent: Counter[int] = Counter()
        served: Counter[int] = Counter()
        refused: dict[int, int] = {}
        for tally in tallies:
            cost = costs[tally.operation]
            for block in tally.blocks:
                limited, local = block.fates.get(Fate.LIMITED, 0), block.fates.get(Fate.LOCAL, 0)
                asked[block.number] += cost * block.planned
                sent[block.number] += cost * (sum(block.fates.values()) - limited - local)
                served[block.number] += cost * block.fates.get(Fate.OK, 0)
                if limited:
                    refused[block.number] = max(cost, refused.get(block.number, 0))
        blocks = range(max(asked, default=-1) + 1)
        return cls(
            [asked[number] for number in blocks],
            [sent[number] for number in blocks],
            [served[number] for number in blocks],
            refused,
        )


def judge_rate_limit(evidence: Evidence, promise: RateLimit) -> Verdict:
    """Only limited operations are refused: not before the allowance is used up, not never, and they say until when.

    The blocks of a run do not show when exactly the platform counted a request, so the bounds give way by
    `slack_seconds`. Allowance that was used before the run is not known: its first window proves no early refusal.
    """
    record = evidence.record
    expected = f"429 for {', '.join(promise.costs)} alone, beyond the allowance of the health page, with Retry-After"
    if blocked := keeps_from_judging(evidence, expected):
        return blocked
    if refused := _wrongly_refused(evidence, promise, expected):
        return refused
    tallies = [tally for tally in record.tallies if tally.operation in promise.costs]
    if not any(tally.planned or tally.blocks for tally in tallies):
        return _not_asked_for(evidence, ", ".join(promise.costs), 0)
    unknown = [path for path in (*promise.allowance, WINDOW_SECONDS) if path not in record.limits]
    if unknown:
        limited = sum(tally.fate(Fate.LIMITED) for tally in tallies)
        observed = f"the platform did not say its limits: {', '.join(unknown)}; {count(limited)} requests were limited"
        return inconclusive(expected, observed, **evidence.place)
    clients = sorted({tally.client for tally in tallies})
    each = {
        client: _Use.of([tally for tally in tallies if tally.client == client], promise.costs) for client in clients
    }
    verdict = together([_judge_use(evidence, promise, expected, client, use) for client, use in each.items()])
    return finished(evidence, expected, verdict)


def _wrongly_refused(evidence: Evidence, promise: RateLimit, expected: str) -> Verdict | None:
    """Judge who was refused, and how; when is another question."""
    record = evidence.record
    unlimited = [tally for tally in record.tallies if not evidence.is_limited(tally.operation)]
    stray = sum(tally.fate(Fate.LIMITED) for tally in unlimited)
    if stray:
        names = ", ".join(sorted({tally.operation for tally in unlimited if tally.fate(Fate.LIMITED)}))
        observed = f"{count(stray)} requests that have no limit were refused with 429: {names}"
        return failed(expected, observed, **evidence.place, notes=examples(unlimited, Fate.LIMITED))
    tallies = [tally for tally in record.tallies if tally.operation in promise.costs]
    limited = sum(tally.fate(Fate.LIMITED) for tally in tallies)
    silent = sum(tally.limited_without_retry_after for tally in tallies)
    if silent:
        observed = f"{count(silent)} of {count(limited)} answers with 429 have no Retry-After"
        return failed(expected, observed, **evidence.place, notes=examples(tallies, Fate.LIMITED))
    broken = sum(tally.fate(Fate.SERVER_ERROR) for tally in tallies)
    if limited and broken:
        observed = f"{count(broken)} answers with HTTP 5xx beside {count(limited)} with 429"
        return failed(expected, observed, **evidence.place, notes=examples(tallies, Fate.SERVER_ERROR))
    return None


def _judge_use(evidence: Evidence, promise: RateLimit, expected: str, client: str, use: _Use) -> Verdict:
    record = evidence.record
    allowance = sum(record.limits[path] for path in promise.allowance)
    window, width = record.limits[WINDOW_SECONDS], record.block_seconds
    terms = f"{count(allowance)} in {clock(window)}"
    if early := _refused_early(use, allowance, window, width, promise.slack_seconds):
        return failed(expected, f"client {client} was refused {early} of {terms}", **evidence.place)
    sums = [0, *itertools.accumulate(use.served)]
    for begin, end in itertools.combinations(range(len(sums)), 2):
        seconds = (end - begin) * width
        allowed = allowance * math.ceil((seconds + promise.slack_seconds) / window)
        served = sums[end] - sums[begin]
        if served > allowed * (1 + promise.excess_share_max):
            observed = (
                f"client {client} was served {count(served)} within {clock(seconds)}; {terms} make {count(allowed)}"
            )
            return failed(expected, observed, **evidence.place)
    span = max(1, math.floor(window / width))
    peak = max((sum(use.asked[begin : begin + span]) for begin in range(len(use.asked))), default=0)
    observed = f"client {client} asked for at most {count(peak)} of {terms}"
    if use.refused:
        return passed(f"{observed}, and was refused what went beyond", where=evidence.place["where"])
    beyond = "" if peak > allowance else "; what lies beyond the limit was not tried"
    return passed(f"{observed}, and was never refused{beyond}", where=evidence.place["where"])


def _refused_early(use: _Use, allowance: float, window: float, width: float, slack: float) -> str:
    """Say after how little a client was refused; empty when nobody can tell that it was too little.

    Whoever is refused has used the allowance up in the window before. Where refusals lie so far apart that their
    windows cannot overlap, as much was used as often: the longer a client is refused, the less edges of blocks matter.
    """
    blocks = sorted(number for number in use.refused if number * width - window - slack >= 0)
    for place, first in enumerate(blocks):
        last, needed = first, 0.0
        for number in blocks[place:]:
            if number > first and number * width - window < (last + 1) * width + slack:
                continue
            last = number
            needed += allowance - use.refused[number]
            begin = math.floor((first * width - window - slack) / width)
            used = sum(use.sent[begin : math.ceil(((last + 1) * width + slack) / width)])
            if used <= needed:
                span = (last + 1 - first) * width + window + 2 * slack
                return f"at {clock(last * width)}, having used at most {count(used)} within {clock(span)},"
    return ""


# ------------------------------------------------------------------------------------------------------------- fairness


def judge_fairness(evidence: Evidence, promise: Fairness) -> Verdict:
    """Two clients that ask for the same fail as seldom, are limited as seldom, and wait as long.

    A difference counts when it is larger than tolerated and larger than chance: Fisher's exact test for shares, Mann
    and Whitney's for latencies, operation by operation. Both clients have the same arrivals, turn by turn.
    """
    record = evidence.record
    expected = "two clients have the same share of errors and of refusals, and the same latency"
    clients = sorted({tally.client for tally in record.tallies})
    if len(clients) < 2:
        return not_covered("all requests were of one client", "give the key of a second one: SELF_CHECK_OTHER_API_KEY")
    if blocked := keeps_from_judging(evidence, expected):
        return blocked
    one, other = clients[:2]
    verdicts = [
        _equal_shares(evidence, promise, expected, clients, "failed", evidence.errors, evidence.requests),
        _equal_shares(
            evidence,
            promise,
            expected,
            clients,
            "were refused",
            lambda tally: tally.fate(Fate.LIMITED) if evidence.is_limited(tally.operation) else 0,
            lambda tally: evidence.answers(tally) if evidence.is_limited(tally.operation) else 0,
        ),
    ]
    operations = sorted({tally.operation for tally in record.tallies})
    for operation in operations:
        times = [Durations.of(tally.latency for tally in record.of(operation, client)) for client in (one, other)]
        if min(durations.count for durations in times) >= promise.requests_min:
            verdicts.append(_equal_times(evidence, promise, expected, operation, clients, times, len(operations)))
    return finished(evidence, expected, together(verdicts))


def _equal_shares(
    evidence: Evidence,
    promise: Fairness,
    expected: str,
    clients: Sequence[str],
    what: str,
    hits: Callable[[Tally], int],
    tries: Callable[[Tally], int],
) -> Verdict:
    numbers = [
        (sum(map(hits, evidence.record.of(client=client))), sum(map(tries, evidence.record.of(client=client))))
        for client in clients[:2]
    ]
    (count_one, total_one), (count_other, total_other) = numbers
    observed = " and ".join(
        f"{count(number)} of {count(total)} of {client} {what}"
        for client, (number, total) in zip(clients, numbers, strict=False)
    )
    if not total_one and not total_other:
        return passed(f"nothing that could have {what}", where=evidence.place["where"])
    if not total_one or not total_other:
        return inconclusive(expected, observed, **evidence.place)
    chance = chance_of_difference(count_one, total_one, count_other, total_other)
    if abs(count_one / total_one - count_other / total_other) > promise.share_difference_max and chance < SUSPICIOUS:
        observed += f" (chance {chance:.1g} if they were treated alike)"
        if chance < BEYOND_DOUBT:
            return failed(expected, observed, **evidence.place)
        return inconclusive(expected, observed, **evidence.place)
    return passed(observed, where=evidence.place["where"])


def _equal_times(
    evidence: Evidence,
    promise: Fairness,
    expected: str,
    operation: str,
    clients: Sequence[str],
    times: Sequence[Durations],
    comparisons: int,
) -> Verdict:
    """Compare the latencies of one operation; the chance allows for so many comparisons (Bonferroni)."""
    medians = [durations.quantile(0.5) for durations in times]
    observed = f"{operation}: " + ", ".join(
        f"median {duration(median)} of {count(durations.count)} as {client}"
        for client, median, durations in zip(clients, medians, times, strict=False)
    )
    is_far = (
        max(medians) > promise.latency_factor_max * min(medians)
        and max(medians) - min(medians) > promise.latency_seconds_min
    )
    if is_far:
        chance = comparisons * chance_of_same(*(_values(durations) for durations in times))
        if chance < BEYOND_DOUBT:
            observed += f" (chance {chance:.1g} if they were treated alike)"
            return failed(expected, observed, **evidence.place)
    return passed(observed, where=evidence.place["where"])


def _values(durations: Durations) -> list[float]:
    """Give all durations of a histogram one by one, to its precision; the unit does not matter to a test of ranks."""
    return [
        float(item.value_iterated_to)
        for item in durations.histogram.get_recorded_iterator()
        for _ in range(item.count_added_in_this_iter_step)
    ]


def _requests(number: int) -> str:
    return f"{count(number)} request{'' if number == 1 else 's'}"
