"""Judges of what the server's side says: its figures beside the client's, breakers, saturation, autoscaling. Pure."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from typing import TYPE_CHECKING

from load.evidence import finished, keeps_from_judging, together
from load.promises import SERIES
from load.record import Durations, Fate
from load.wording import clock, count, duration, number, quantile, share, size
from selfcheck.verdict import Outcome, Verdict, combine, failed, inconclusive, not_covered, passed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from load.evidence import Evidence
    from load.promises import Autoscaling, Ceiling, Loaded, Saturation, ServerView
    from load.record import Course, Measured, Tally

_WRITE: Mapping[str, Callable[[float], str]] = {
    "": number,
    "s": duration,
    "bytes": size,
    "1/s": lambda value: f"{number(value)}/s",
}
_RANK_SLACK = 0.02
"""How far apart the ranks of two quantiles of the same requests may lie: not every request is in both histograms."""
_SHOWN = 4


def with_unit(value: float, unit: str) -> str:
    """Write a figure of the contract with its unit."""
    return _WRITE[unit](value) if math.isfinite(value) else str(value)


def measured_of(evidence: Evidence, promise: Loaded, expected: str) -> Measured | Verdict:
    """Give what the server's side says of a promise, or the verdict that nothing can be said."""
    if blocked := keeps_from_judging(evidence, expected, clock=True):
        return blocked
    measured = evidence.record.measured.get(promise.id)
    if measured is None:
        return inconclusive(expected, "Prometheus was not asked", **evidence.place)
    if measured.trouble:
        return inconclusive(expected, measured.trouble, where=measured.asked, reproduce=evidence.place["reproduce"])
    return measured


# ---------------------------------------------------------------------------------------------------------- server view


def judge_server_view(evidence: Evidence, promise: ServerView) -> Verdict:
    """Counter and histogram of the server agree with what clients saw, over the whole run with its warm-up.

    The server must have counted whatever was answered as promised, and may have counted anything that was sent. What it
    counted beyond that is other traffic where there was such traffic before the run, too; on a platform that was quiet
    it is a wrong counter. A quantile of the server lies within one of its buckets. No client can have waited less than
    that; one that waited longer by more than the tolerance waited where the server's figures do not look.
    """
    expected = f"Prometheus and clients agree about {', '.join(promise.operations)}"
    measured = measured_of(evidence, promise, expected)
    if isinstance(measured, Verdict):
        return measured
    return finished(evidence, expected, _compare(evidence, promise, expected, measured))


def _compare(evidence: Evidence, promise: ServerView, expected: str, measured: Measured) -> Verdict:
    if measured.values.get("restarts", 0) > 0:
        observed = f"{count(measured.values['restarts'])} replicas started during the run: their counters began anew"
        return inconclusive(expected, observed, where=measured.asked)
    sure = [tally for tally in evidence.record.tallies if tally.operation in promise.operations]
    maybe = [tally for tally in evidence.record.tallies if tally.operation in promise.maybe]
    least = sum(_sent(tally, Fate.OK) for tally in sure)
    most = sum(_sent(tally) for tally in (*sure, *maybe))
    if not most:
        return not_covered(
            f"the profile {evidence.record.profile} asks for none of {', '.join(promise.operations)}",
            "choose a profile that does",
        )
    verdicts = []
    if promise.count and "count" not in measured.values:
        verdicts.append(inconclusive(expected, f"no data for {promise.count}", where=measured.asked))
    elif promise.count:
        verdicts.append(_judge_count(promise, expected, measured, least, most))
    if promise.buckets:
        latency = Durations.of(block.latency for tally in sure for block in tally.blocks)
        verdicts.append(_judge_buckets(promise, expected, measured, latency, least, most))
    whole = together(verdicts)
    untold = [each.observed for each in verdicts if each.outcome is Outcome.NOT_COVERED]
    if untold and whole.outcome is not Outcome.NOT_COVERED:
        whole = replace(whole, observed=f"{whole.observed}; durations were not compared: {'; '.join(untold)}")
    return whole


def _sent(tally: Tally, *fates: Fate) -> int:
    """Count the requests of all blocks, the warm-up's as well: of these fates, or of all that left this machine."""
    return sum(
        many
        for block in tally.blocks
        for fate, many in block.fates.items()
        if (fate in fates if fates else fate is not Fate.LOCAL)
    )


def _judge_count(promise: ServerView, expected: str, measured: Measured, least: int, most: int) -> Verdict:
    place = {"where": measured.asked}
    counted = measured.values["count"]
    slack = max(promise.count_min, promise.count_share_max * most)
    sent = count(least) if least == most else f"{count(least)} to {count(most)}"
    observed = f"the server counted {count(counted)}, clients sent {sent}"
    if counted < least - slack:
        return failed(expected, observed, **place)
    beyond = counted - most
    if beyond <= slack:
        return passed(observed, **place)
    before = measured.values.get("before_count")
    if before is None:
        return passed(f"{observed}; what there was before the run is not known", **place)
    observed += f", and in as long a time before {count(before)} were counted"
    # Other traffic comes and goes: twice as much as before, and what chance adds to that, is nothing strange. Somebody
    # may also have begun just now; but who would ask for as much as this run, on a platform that was quiet?
    if beyond <= slack + 2 * before + 5 * math.sqrt(before) or (
        before <= slack and beyond < promise.other_new_max * most
    ):
        return passed(f"{observed}: other traffic", **place)
    if before <= slack:
        return failed(expected, observed, **place)
    return inconclusive(expected, observed, **place, remedy="look when there is less other traffic")


def _judge_buckets(
    promise: ServerView, expected: str, measured: Measured, latency: Durations, least: int, most: int
) -> Verdict:
    place = {"where": measured.asked}
    total = measured.buckets[-1][1] if measured.buckets else 0.0
    if latency.count < promise.requests_min:
        observed = f"{count(latency.count)} requests, too few to compare quantiles ({promise.requests_min})"
        return not_covered(observed, "a longer profile covers it: PROFILE=steady")
    if not total:
        return inconclusive(expected, f"no data for {promise.buckets}", **place)
    slack = max(promise.count_min, promise.count_share_max * most)
    if total < least - slack:
        observed = f"the server timed {count(total)} requests, {count(least)} were answered"
        return failed(expected, observed, **place)
    other = max(0.0, total - most) / total
    if other > promise.other_share_max:
        observed = f"{share(other)} of what the server timed was not this run's"
        return not_covered(observed, "look when there is less other traffic")
    width = _RANK_SLACK + max(0.0, total - least) / total
    return together([_judge_quantile(promise, expected, measured, latency, q, width) for q in promise.quantiles])


def _judge_quantile(
    promise: ServerView, expected: str, measured: Measured, latency: Durations, q: float, width: float
) -> Verdict:
    low, high = bucket_of(measured.buckets, q)
    seen = latency.quantile(q)
    span = f"{duration(low)} to {duration(high)}" if math.isfinite(high) else f"more than {duration(low)}"
    observed = f"{quantile(q)} is {span} for the server and {duration(seen)} for clients"
    if latency.quantile(min(1.0, q + width)) < low:
        return failed(expected, f"{observed}: no answer comes before it is made", where=measured.asked)
    if latency.quantile(max(0.0, q - width)) > promise.gap_factor_max * high + promise.gap_seconds_max:
        observed += ": requests wait where the server's figures do not look"
        return failed(expected, observed, where=measured.asked)
    return passed(observed, where=measured.asked)


def bucket_of(buckets: Sequence[tuple[float, float]], q: float) -> tuple[float, float]:
    """Give the bounds, in seconds, of the bucket in which the q-quantile lies; there must be something in them."""
    rank = q * buckets[-1][1]
    low = 0.0
    for bound, cumulative in buckets:
        if cumulative >= rank:
            return low, bound
        low = bound
    return low, math.inf


# ------------------------------------------------------------------------------------------------- ceilings, saturation


def judge_ceiling(evidence: Evidence, promise: Ceiling) -> Verdict:
    """The figure is at most what is promised, over the whole run."""
    expected = f"{promise.query} at most {with_unit(promise.most, promise.unit)}"
    measured = measured_of(evidence, promise, expected)
    if isinstance(measured, Verdict):
        return measured
    value = measured.values.get("value", math.nan)
    if math.isnan(value):
        return inconclusive(expected, "no data", where=measured.asked)
    observed = with_unit(value, promise.unit)
    if value > promise.most:
        return failed(expected, observed, where=measured.asked)
    return finished(evidence, expected, passed(observed, where=measured.asked))


def judge_saturation(evidence: Evidence, promise: Saturation) -> Verdict:
    """Show how full something got; what got too full is remarked, because it is what limits the platform."""
    limit = with_unit(promise.saturated_from, promise.unit)
    expected = f"below {limit} ({promise.query})"
    courses = courses_of(evidence, promise, expected)
    if isinstance(courses, Verdict):
        return courses
    peaks = sorted(
        ((max(value for _, value in course.samples), course) for course in courses), key=lambda each: -each[0]
    )
    shown = [
        f"{with_unit(peak, promise.unit)} at most, {with_unit(_median(course), promise.unit)} in the middle"
        f"{named(course)}"
        for peak, course in peaks[:_SHOWN]
    ]
    verdict = passed("; ".join(shown), where=_asked(evidence, promise))
    full = [named(course).strip() for peak, course in peaks if peak >= promise.saturated_from]
    if full:
        which = ", ".join(full[:_SHOWN]).removeprefix("of ")
        notes = f"saturated: {promise.says}{f' ({which})' if which else ''} reached {limit}"
        verdict = verdict.with_notes(notes)
    return finished(evidence, expected, verdict)


def courses_of(evidence: Evidence, promise: Loaded, expected: str, series: str = "") -> Sequence[Course] | Verdict:
    """Give the series of a promise that have samples, or the verdict that there is nothing to judge.

    A metric that this deployment does not have is outside of the run's scope; one that could not be asked for is not.
    """
    if blocked := keeps_from_judging(evidence, expected, clock=True):
        return blocked
    measured = evidence.record.measured.get(promise.id)
    if measured is not None and measured.trouble:
        return inconclusive(expected, measured.trouble, where=measured.asked)
    found = [
        course
        for course in evidence.record.courses.get(promise.id, ())
        if course.samples and course.labels.get(SERIES, "") == series
    ]
    if found:
        return found
    query = promise.asks().courses[series]
    if evidence.record.interrupted:
        return inconclusive(expected, f"Prometheus was not asked for {query}: the run was interrupted")
    return not_covered(f"Prometheus has no data for {query}", "let the contract name a metric that it has")


def _asked(evidence: Evidence, promise: Loaded) -> str:
    measured = evidence.record.measured.get(promise.id)
    return measured.asked if measured is not None and measured.asked else evidence.place["where"]


def named(course: Course) -> str:
    """Name a series by its labels, after a blank; empty when it has none."""
    labels = ", ".join(f"{name}={value}" for name, value in course.labels.items() if name not in {SERIES, "__name__"})
    return f" of {labels}" if labels else ""


def _median(course: Course) -> float:
    return statistics.median(value for _, value in course.samples)


# ---------------------------------------------------------------------------------------------------------- autoscaling


def judge_autoscaling(evidence: Evidence, promise: Autoscaling) -> Verdict:
    """Where the pressure lasted longer than the reaction may take, more replicas were wanted by then."""
    reaction = clock(promise.reaction_seconds)
    expected = f"more replicas wanted after {reaction} of pressure above its target"
    wanted = courses_of(evidence, promise, expected, "replicas")
    pressure = courses_of(evidence, promise, expected, "pressure")
    if isinstance(wanted, Verdict) or isinstance(pressure, Verdict):
        return combine(each for each in (wanted, pressure) if isinstance(each, Verdict))
    since = _lasting(pressure[0].samples, promise.reaction_seconds)
    most = max(value for _, value in pressure[0].samples)
    if since is None:
        observed = f"the pressure was {share(most)} of its target at most, or not for {reaction}"
        return not_covered(observed, "load it more: PROFILE=stress, or SELF_CHECK_LOAD_RATE_FACTOR above 1")
    before = [value for at, value in wanted[0].samples if at <= since] or [wanted[0].samples[0][1]]
    later = [value for at, value in wanted[0].samples if at > since]
    observed = f"pressure above its target from {clock(since)} on, {share(most)} at most; "
    if not later:
        return inconclusive(expected, observed + "no data about replicas since", where=_asked(evidence, promise))
    observed += f"{count(before[-1])} replicas wanted before, {count(max(later))} after"
    if max(later) <= before[-1]:
        return failed(expected, observed, where=_asked(evidence, promise))
    return finished(evidence, expected, passed(observed, where=_asked(evidence, promise)))


def _lasting(samples: Iterable[tuple[float, float]], seconds: float) -> float | None:
    """Give the moment from which the values are above 1 for so long; None when they never are."""
    since: float | None = None
    for at, value in samples:
        if value <= 1:
            since = None
        elif since is None:
            since = at
        if since is not None and at - since >= seconds:
            return since
    return None
