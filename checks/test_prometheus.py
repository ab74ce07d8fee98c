"""Prometheus: it scrapes every replica, evaluates the rules, and says what the platform says."""

from __future__ import annotations

import contextlib
import email.utils
import json
import math
import re
import shlex
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import Field

from checks.test_health import fleet_promise
from selfcheck import components
from selfcheck.checking import check
from selfcheck.clients._reading import duration_seconds
from selfcheck.clients.alertmanager import Alertmanager
from selfcheck.contract import Model, Promise, RouteName
from selfcheck.exposition import Exposition, LabelSet, Sample, label_set
from selfcheck.families import Quantity
from selfcheck.knowledge import loaded_rules, made_of, selectors
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.promql import parse
from selfcheck.rehearsal import compares_now
from selfcheck.values import curl, some
from selfcheck.verdict import Outcome, Verdict, combine, failed, inconclusive, not_covered, passed
from selfcheck.waiting import GaveUp, pause, wait_until

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from selfcheck.clients.http import Answer
    from selfcheck.clients.prometheus import QueryResult, Rule, RuleGroup, RuntimeInfo, Series
    from selfcheck.clients.prometheus import Sample as Value
    from selfcheck.clients.prometheus import Target as ScrapeTarget
    from selfcheck.knowledge import Made
    from selfcheck.replicas import Replicas, Scrape
    from selfcheck.target import Target

_SHOWN_MAX = 3
_VALUES_EQUAL = 1e-9
_UNTOLD_INTERVAL_SECONDS = 60.0
_READING = "reading"
# Evaluations come at moments of their own: so many looks within the time meet the moment of each near enough.
_LOOKS = 8
# Over so many times the time that the rules are behind, what they have not seen yet does not show.
_LONG_SPANS = 50
_NO_WAY_THERE = (
    Trouble.REFUSED,
    Trouble.UNREACHABLE,
    Trouble.NAME_NOT_FOUND,
    Trouble.TIMED_OUT,
    Trouble.TLS,
    Trouble.BAD_URL,
)
# Prometheus repeats an alert that fires once a minute.
_SENT_AGAIN_SECONDS = 90.0
# Windows that differ less than so many times are one.
_ALIKE = 1.25


def _api(target: Target, path: str) -> dict[str, str]:
    url = f"{target.prometheus_client().url}/api/v1/{path}"
    return {"where": f"GET {url}", "reproduce": f"curl -sS '{url}'"}


# ------------------------------------------------------------------------------------------------------------- scraping


class Scraped(Promise):
    """Every replica is scraped."""

    late_after_intervals: float = Field(gt=0)
    second_look_interval_max_seconds: float = Field(
        5.0, description="With a scrape interval up to this, a target that is down is looked at again."
    )


def judge_scraped(
    promise: Scraped,
    targets: Sequence[ScrapeTarget],
    replicas: Replicas,
    *,
    expected_count: int | None,
    now: float,
    tolerance_seconds: float,
    place: Mapping[str, str],
    lately: Collection[tuple[str, str]] = (),
) -> Verdict:
    """Every target of the platform's jobs is up and fresh; none that serves users is left out; none is missing.

    Of a target that was up `lately` (job and instance) only the last scrapes failed, and of a process that has just
    started Prometheus need not know yet: both may pass by themselves.
    """
    expected = "every replica up" + (f", {expected_count} of them" if expected_count else "")
    wrong, unknown = [], []
    for target in targets:
        if target.health == "unknown":
            unknown.append(f"not scraped yet: {target.instance}")
        elif target.health != "up":
            said = f"{target.instance} is {target.health}: {target.last_error or 'no reason given'}"
            if (target.job, target.instance) in lately:
                unknown.append(f"{said}; it was up a moment ago")
            else:
                wrong.append(said)
        elif now - target.last_scrape_at > promise.late_after_intervals * target.interval_seconds + tolerance_seconds:
            wrong.append(f"{target.instance} was scraped {now - target.last_scrape_at:.0f} s ago")
    interval = max((target.interval_seconds for target in targets if math.isfinite(target.interval_seconds)), default=0)
    known_from = now - promise.late_after_intervals * interval - tolerance_seconds
    for scrape in replicas.unlisted:
        said = f"a process answers users that Prometheus does not scrape ({scrape.identity})"
        young = scrape.identity is not None and (scrape.identity.started_at or 0.0) > known_from
        (unknown if young else wrong).append(said)
    instances = len({target.instance for target in targets})
    if instances < (expected_count or 1):
        wrong.append(f"only {instances} replicas are scraped" if instances else "no replica is scraped")
    if wrong:
        return failed(expected, some(wrong), **place)
    if unknown:
        return inconclusive(expected, some(unknown), **place)
    return passed(f"{instances} replicas up", where=place["where"])


def up_lately(target: Target, down: Iterable[ScrapeTarget], intervals: float) -> frozenset[tuple[str, str]]:
    """Give those (job and instance) of some targets that were up within so many of their intervals."""
    seconds: dict[str, float] = {}
    for found in down:
        if math.isfinite(found.interval_seconds):
            seconds[found.job] = max(seconds.get(found.job, 0.0), found.interval_seconds)
    queries = [
        f"max_over_time(up{{job={json.dumps(job)}}}[{math.ceil(intervals * longest)}s])"
        for job, longest in seconds.items()
    ]
    return frozenset(
        (sample.labels.get("job", ""), sample.labels.get("instance", ""))
        for result in target.prometheus_client().query_all(queries)
        if not isinstance(result, CouldNotObserve)
        for sample in result.samples
        if sample.value == 1
    )


def _of_jobs(target: Target, jobs: Collection[str]) -> tuple[ScrapeTarget, ...]:
    return tuple(found for found in target.prometheus_client().targets() if found.job in jobs)


def _all_up(targets: tuple[ScrapeTarget, ...]) -> tuple[ScrapeTarget, ...] | None:
    return targets if all(found.health == "up" for found in targets) else None


@check("prometheus.scraped", Scraped)
def test_scraped(promise: Scraped, target: Target) -> Verdict:
    """Every replica is up, and was scraped lately."""
    jobs = {found.job for found in target.app_targets()}
    # Asked anew: what the preflight saw was fresh then, and is compared with the time now.
    targets, now = _of_jobs(target, jobs), time.time()
    interval = max((found.interval_seconds for found in targets), default=math.inf)
    if any(found.health != "up" for found in targets) and interval <= promise.second_look_interval_max_seconds:
        # One lost scrape on a busy machine is no replica that is down: the next one tells.
        with contextlib.suppress(GaveUp):
            targets = wait_until(
                lambda: _all_up(_of_jobs(target, jobs)),
                timeout_seconds=2 * interval + 1.0,
                what="every target to be up",
            )
            now = time.time()
    down = [found for found in targets if found.health == "down"]
    slow = interval > promise.second_look_interval_max_seconds
    return judge_scraped(
        promise,
        targets,
        target.replicas(),
        expected_count=target.scope.environment.replicas,
        now=now,
        tolerance_seconds=target.contract.platform.limits.clock_tolerance_seconds,
        place=_api(target, "targets?state=active"),
        lately=up_lately(target, down, promise.late_after_intervals) if slow else (),
    )


# ---------------------------------------------------------------------------------------------------------------- rules


class Rules(Promise):
    """The rules are loaded and evaluated."""

    late_after_intervals: float = Field(gt=0)
    groups_min: int = Field(ge=0)
    interval_max_seconds: float = Field(
        math.inf,
        gt=0,
        description="How seldom alerts, and what they read at present, may be evaluated; production timings.",
    )


def _waited_for(group: RuleGroup, groups: Iterable[RuleGroup]) -> bool:
    """Tell whether a group has alerts, or records what an alert reads at present."""
    alerts = [rule.query for each in groups for rule in each.rules if rule.kind == "alerting"]
    names = [rule.name for rule in group.rules if rule.kind == "recording"]
    return len(names) < len(group.rules) or any(compares_now(query, names) for query in alerts)


def judge_rules(
    promise: Rules,
    groups: Sequence[RuleGroup],
    *,
    now: float,
    tolerance_seconds: float,
    place: Mapping[str, str],
    scale: float = 1.0,
) -> Verdict:
    """No rule has an error, no group is late, slow or seldom; there are groups at all. `scale` divides intervals."""
    expected = "every rule evaluated in time and without error"
    if len(groups) < promise.groups_min:
        return failed(f"at least {promise.groups_min} rule group(s)", f"{len(groups)} loaded", **place)
    # Also where time is scaled, nobody need evaluate more often than Prometheus does when it is not told.
    limit = max(promise.interval_max_seconds / scale, min(promise.interval_max_seconds, _UNTOLD_INTERVAL_SECONDS))
    wrong = [
        f"group {group.name} is evaluated every {group.interval_seconds:g} s, and not within {limit:g} s"
        for group in groups
        if group.interval_seconds > limit and _waited_for(group, groups)
    ]
    unknown = []
    for group in groups:
        for rule in group.rules:
            if rule.health == "err" or rule.last_error:
                wrong.append(f"{group.name}/{rule.name}: {rule.last_error or 'failed'}")
            elif rule.health == "unknown":
                unknown.append(f"{group.name}/{rule.name}")
        age = now - group.last_evaluation_at
        if group.last_evaluation_at and age > promise.late_after_intervals * group.interval_seconds + tolerance_seconds:
            wrong.append(
                f"group {group.name} was evaluated {age:.0f} s ago, its interval is {group.interval_seconds:g} s"
            )
        if group.evaluation_seconds > group.interval_seconds:
            wrong.append(f"group {group.name} takes {group.evaluation_seconds:.1f} s of {group.interval_seconds:g} s")
    if wrong:
        return failed(expected, some(wrong), **place)
    if unknown:
        return inconclusive(expected, f"not evaluated yet: {some(unknown)}", **place)
    return passed(f"{sum(len(group.rules) for group in groups)} rules in {len(groups)} groups", where=place["where"])


@check("prometheus.rules", Rules)
def test_rules(promise: Rules, target: Target) -> Verdict:
    """Rule groups are healthy."""
    tolerance = target.contract.platform.limits.clock_tolerance_seconds
    return judge_rules(
        promise,
        target.prometheus_client().rule_groups(),
        now=time.time(),
        tolerance_seconds=tolerance,
        place=_api(target, "rules"),
        scale=target.scope.environment.time_scale,
    )


class Configuration(Promise):
    """The configuration in force is the latest one."""


def judge_configuration(info: RuntimeInfo, place: Mapping[str, str]) -> Verdict:
    """The last reload worked."""
    if not info.config_reloaded:
        return failed("the last reload worked", "it was refused; the old configuration is in force", **place)
    return passed("the last reload worked", where=place["where"])


@check("prometheus.configuration", Configuration)
def test_configuration(promise: Configuration, target: Target) -> Verdict:  # noqa: ARG001 - nothing can be varied
    """The last reload of the configuration worked."""
    info = target.once("runtime info", target.prometheus_client().runtime_info)
    return judge_configuration(info, _api(target, "status/runtimeinfo"))


# ---------------------------------------------------------------------------------------------------------------- clock


class Clock(Promise):
    """The clocks agree."""

    page: RouteName


def judge_clock(
    prometheus_ahead_seconds: float,
    answers: Sequence[Answer],
    tolerance_seconds: float,
    place: Mapping[str, str],
) -> Verdict:
    """Prometheus' and the platform's clocks are near this machine's; when both are far off, it is this machine's."""
    expected = f"clocks within {tolerance_seconds:g} s"
    platform_ahead = [ahead for answer in answers if (ahead := _ahead_seconds(answer)) is not None]
    off = [ahead for ahead in platform_ahead if abs(ahead) > tolerance_seconds]
    prometheus_off = abs(prometheus_ahead_seconds) > tolerance_seconds
    observed = f"Prometheus {prometheus_ahead_seconds:+.1f} s"
    if platform_ahead:
        observed += f", the platform {max(platform_ahead, key=abs):+.1f} s against this machine"
    if prometheus_off and off and math.copysign(1, off[0]) == math.copysign(1, prometheus_ahead_seconds):
        return inconclusive(expected, f"{observed}: most likely this machine's own clock is wrong", **place)
    if prometheus_off or off:
        return failed(expected, observed, **place)
    notes = [] if platform_ahead else ["the platform's answers have no Date header to tell its clock from"]
    return passed(observed, where=place["where"], notes=notes)


def _ahead_seconds(answer: Answer) -> float | None:
    """Give how far the Date of an answer, which has whole seconds, lies outside the time in which it was made."""
    date = _date(answer)
    if date is None:
        return None
    stamp, end = date.timestamp(), answer.asked_at + answer.elapsed_seconds
    return max(0.0, stamp - end) + min(0.0, stamp + 1.0 - answer.asked_at)


def _date(answer: Answer) -> dt.datetime | None:
    try:
        return email.utils.parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return None


@check("prometheus.clock", Clock)
def test_clock(promise: Clock, target: Target) -> Verdict:
    """No clock is off."""
    before = time.time()
    result = target.prometheus_client().query("time()")
    middle = (before + time.time()) / 2
    if not result.samples:
        return inconclusive(promise.says, "Prometheus does not tell its time", **_api(target, "query?query=time()"))
    return judge_clock(
        result.samples[0].value - middle,
        [page.answer for page in target.pages(promise.page)],
        target.contract.platform.limits.clock_tolerance_seconds,
        _api(target, "query?query=time()"),
    )


# -------------------------------------------------------------------------------------------------------------- signals


class Traffic(Model):
    """How much must have happened lately for a figure to mean anything."""

    query: str = Field(description="Requests within `{window}`, which stands for the window.")
    window_seconds: float = Field(gt=0)
    minimum: float = Field(gt=0)
    ample_per_second: float = Field(1.0, gt=0, description="So much is enough for any rule that waits for traffic.")


class Each(Model):
    """What there must be a value for: each label set of another expression."""

    queries: tuple[str, ...] = Field(
        min_length=1,
        description=(
            "By the labels of the signal, within `{window}`: as long as the rules look back."
            " Only those count that read nothing but what the signal is made of."
        ),
    )
    minimum: float = Field(gt=0, description="From this value on there must be one.")


class Signal(Quantity):
    """A recorded metric has values, within its domain."""

    labels: tuple[str, ...] = Field((), description="Labels that every series has.")
    series_max: int | None = None
    apart_by: tuple[str, ...] = Field((), description="`series_max` counts series that agree in these labels.")
    not_apart_by: tuple[str, ...] = Field((), description="Labels in which no two series differ: those of a replica.")
    each: Each | None = None
    traffic: Traffic


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a signal should have a value for: the requests lately, the label sets that had some, and what may excuse.

    `guards` are comparisons by which its rules wait for traffic; `seconds` is the time within which it was counted.
    """

    traffic: float
    seconds: float = 300.0
    sets: tuple[LabelSet, ...] = ()
    guards: tuple[str, ...] = ()


def judge_signal(promise: Signal, result: QueryResult, wanted: Wanted, place: Mapping[str, str]) -> Verdict:
    """There is a value, a finite one when there was traffic, inside the domain, with the promised labels."""
    traffic = wanted.traffic
    expected = f"{promise.query} {_range(promise)}"
    if result.warnings:
        return inconclusive(expected, f"Prometheus warns: {result.warnings[0]}", **place)
    # NaN is what a ratio gives when nothing happened; an infinity is a value, and a wrong one.
    values = [sample for sample in result.samples if not math.isnan(sample.value)]
    if not values:
        observed = "no data" if not result.samples else f"only {result.samples[0].value:g}"
        if traffic < promise.traffic.minimum:
            return inconclusive(expected, f"{observed}; too little traffic ({traffic:.0f} requests lately)", **place)
        observed += f", with {traffic:.0f} requests lately"
        if wanted.guards and traffic < promise.traffic.ample_per_second * wanted.seconds:
            return inconclusive(expected, f"{observed}; its rule waits for `{wanted.guards[0]}`", **place)
        return failed(expected, observed, **place)
    breach = _outside(promise, values) or _wrong_series(promise, values) or _lacking(promise, values, wanted)
    if breach is not None:
        return failed(*breach, **place)
    shown = ", ".join(f"{sample.value:g}" for sample in values[:_SHOWN_MAX])
    return passed(f"{promise.query} = {shown}", where=place["where"])


def _outside(promise: Signal, values: Sequence[Value]) -> tuple[str, str] | None:
    # Sums of floating-point numbers may be a hair beyond what they can be.
    low = -math.inf if promise.minimum is None else promise.minimum - _VALUES_EQUAL * max(1.0, abs(promise.minimum))
    high = math.inf if promise.maximum is None else promise.maximum + _VALUES_EQUAL * max(1.0, abs(promise.maximum))
    wrong = [
        f"{sample.labels} = {sample.value:g}"
        for sample in values
        if math.isinf(sample.value) or not low <= sample.value <= high
    ]
    return (f"{promise.query} {_range(promise)}", f"outside its domain: {some(wrong)}") if wrong else None


def _wrong_series(promise: Signal, values: Sequence[Value]) -> tuple[str, str] | None:
    unlabelled = [str(value.labels) for value in values if not all(value.labels.get(name) for name in promise.labels)]
    if unlabelled:
        return f"series with the labels {', '.join(promise.labels)}", some(unlabelled)
    for name in promise.not_apart_by:
        each = sorted({value.labels.get(name, "") for value in values})
        if len(each) > 1:
            return f"{promise.query} of the platform, not of each {name}", f"{len(each)} values of {name}: {some(each)}"
    alike: dict[tuple[str, ...], int] = {}
    for value in values:
        key = tuple(value.labels.get(name, "") for name in promise.apart_by)
        alike[key] = alike.get(key, 0) + 1
    most = max(alike.values())
    if promise.series_max is not None and most > promise.series_max:
        return (
            f"at most {promise.series_max} series",
            f"{most} series, such as {some([str(value.labels) for value in values])}",
        )
    return None


def _lacking(promise: Signal, values: Sequence[Value], wanted: Wanted) -> tuple[str, str] | None:
    if wanted.guards:
        return None
    there = {tuple(value.labels.get(name, "") for name in promise.labels) for value in values}
    lost = [
        str(dict(labels))
        for labels in wanted.sets
        if tuple(dict(labels).get(name, "") for name in promise.labels) not in there
    ]
    return (f"{promise.query} of each {', '.join(promise.labels)} in use", f"none of {some(lost)}") if lost else None


def _range(promise: Signal) -> str:
    low = "" if promise.minimum is None else f"from {promise.minimum:g} "
    high = "" if promise.maximum is None else f"up to {promise.maximum:g}"
    return f"has a value {low}{high}".rstrip()


@check("prometheus.signal", Signal)
def test_signal(promise: Signal, target: Target) -> Verdict:
    """A key metric has a value that makes sense."""
    result = target.query(promise.query)
    place = _api(target, f"query?query={promise.query}")
    if any(math.isfinite(sample.value) for sample in result.samples):
        sets, guards = _sets_in_use(target, promise)
        wanted = Wanted(promise.traffic.minimum, sets=sets, guards=guards)
        verdict = judge_signal(promise, result, wanted, place)
        if verdict.outcome is not Outcome.FAIL or not sets:
            return verdict
        made = made_of(_rules(target), promise.query)
        if made is None:
            return verdict
        # Rules that were loaded a moment ago have given no value yet.
        pause(min(made.behind_seconds + 1.0, target.deadline.left_seconds / 4))
        return judge_signal(promise, target.prometheus_client().query(promise.query), wanted, place)
    # Whether there should be a value depends on how far back the rules look: traffic before that is none to them.
    window_seconds = min(_windows_seconds(target.rule_groups()), default=promise.traffic.window_seconds)
    traffic = traffic_of(target, promise.traffic, window_seconds)
    made = made_of(_rules(target), promise.query)
    return judge_signal(promise, result, Wanted(traffic, window_seconds, guards=made.guards if made else ()), place)


def _sets_in_use(target: Target, promise: Signal) -> tuple[tuple[LabelSet, ...], tuple[str, ...]]:
    """Give the label sets that had traffic at each of the last evaluations, and what guards the signal.

    None where it is not known how far back the signal looks, or where it is made of something else.
    """
    made = made_of(_rules(target), promise.query) if promise.each is not None else None
    if promise.each is None or made is None or not made.windows_seconds:
        return (), ()
    # Some score the providers of one service alone.
    query = " or ".join(each for each in promise.each.queries if _names(each) <= made.reads)
    if not query:
        return (), ()
    span = _subquery_of(1.5 * made.behind_seconds + 1.0)
    query = query.replace("{window}", _duration(min(made.windows_seconds)))
    in_use = target.query(f"count_over_time((({query}) >= {promise.each.minimum:g})[{span}]) >= {_LOOKS - 1}")
    sets = tuple(label_set({n: each.labels.get(n, "") for n in promise.labels}) for each in in_use.samples)
    return sets, made.guards


def _windows_seconds(groups: Sequence[RuleGroup]) -> list[float]:
    """Give the range windows of all recording rules."""
    rules = [rule for group in groups for rule in group.rules if rule.kind == "recording"]
    return [duration_seconds(found) for rule in rules for found in re.findall(r"\[([0-9a-z]+)\]", rule.query)]


def traffic_of(target: Target, traffic: Traffic, window_seconds: float | None = None) -> float:
    """Give the traffic lately (within `window_seconds`, or the contract's window); nothing known is none."""
    window_seconds = window_seconds or traffic.window_seconds
    samples = target.query(traffic.query.replace("{window}", f"{math.ceil(window_seconds)}s")).samples
    return samples[0].value if samples and math.isfinite(samples[0].value) else 0.0


class Derived(Promise):
    """A recorded metric follows what it is made of, wherever that has not changed for a while."""

    signal: str
    source: str
    zero_when: float = Field(description="The signal is zero when the source has this value.")
    above_zero_when: float | None = None


def judge_derived(
    promise: Derived, signal: QueryResult, lowest: QueryResult, highest: QueryResult, place: Mapping[str, str]
) -> Verdict:
    """Zero and above zero go with the named values of the source.

    While the source has another value, or changes, nothing follows from it: NOT COVERED.
    """
    expected = f"{promise.signal} = 0 when {promise.source} = {promise.zero_when:g}"
    warnings = [*signal.warnings, *lowest.warnings, *highest.warnings]
    if warnings or not signal.samples or not lowest.samples or not highest.samples:
        absent = f"{promise.source if signal.samples else promise.signal} has no data"
        return inconclusive(expected, f"Prometheus warns: {warnings[0]}" if warnings else absent, **place)
    values = [sample.value for sample in signal.samples]
    low, high = lowest.samples[0].value, highest.samples[0].value
    observed = f"{promise.signal} = {values[0]:g}, {promise.source} from {low:g} to {high:g}"
    if any(math.isnan(value) for value in (low, high, *values)):
        return inconclusive(expected, observed, **place)
    zero = abs(low - promise.zero_when) < _VALUES_EQUAL and abs(high - promise.zero_when) < _VALUES_EQUAL
    above = promise.above_zero_when is not None and low == high == promise.above_zero_when
    if zero and any(abs(value) > _VALUES_EQUAL for value in values):
        return failed(expected, observed, **place)
    if above and not any(value > 0 for value in values):
        return failed(f"{promise.signal} above 0 when {promise.source} = {low:g}", observed, **place)
    if not zero and not above:
        return not_covered(f"{observed}, from which nothing follows", "repeat when it has settled")
    return passed(observed, where=place["where"])


@check("prometheus.derived", Derived)
def test_derived(promise: Derived, target: Target) -> Verdict:
    """A recorded metric says what its source says."""
    interval = max((group.interval_seconds for group in target.rule_groups()), default=1.0)
    # The source counts only where it had one value for three evaluations: the signal is always a little behind.
    span = f"({promise.source})[{math.ceil(3 * interval)}s:{math.ceil(interval / 2)}s]"
    return judge_derived(
        promise,
        target.query(promise.signal),
        target.query(f"min_over_time({span})"),
        target.query(f"max_over_time({span})"),
        _api(target, f"query?query={promise.signal}"),
    )


def _duration(seconds: float) -> str:
    """Write a time for PromQL, which knows no fractions."""
    return f"{math.ceil(seconds)}s" if seconds > 1 or seconds == int(seconds) else f"{round(seconds * 1000)}ms"


def _subquery_of(seconds: float) -> str:
    """Give range and step of a subquery that looks often enough to meet the moment of each evaluation."""
    return f"{_duration(seconds)}:{max(100, round(seconds * 1000 / _LOOKS))}ms"


def _names(query: str) -> set[str]:
    return {each.name for each in selectors(parse(query.replace("{window}", "1m").replace("{by}", "")))}


def _of_families(names: Iterable[str]) -> set[str]:
    """Take away what tells the samples of a histogram apart."""
    return {re.sub("_(bucket|count|sum)$", "", name) for name in names}


def _rules(target: Target) -> tuple[Rule, ...]:
    """Give the loaded rules; none where this Prometheus does not say which they are."""
    with contextlib.suppress(CouldNotObserve):
        return loaded_rules(target)
    return ()


class Follows(Promise):
    """A recorded metric has the value that its sources give."""

    signal: str
    ways: tuple[str, ...] = Field(
        min_length=1,
        description=(
            "Expressions that work it out; right is whatever lies between the least and the most of them."
            " `{window}` is how far back its rules look, `{by}` which labels of `by` it has."
        ),
    )
    by: tuple[str, ...] = ()
    tolerance: float = Field(ge=0, description="In the unit of the signal.")
    tolerance_share: float = Field(0.0, ge=0, description="Of the value.")
    window_seconds: float = Field(300.0, gt=0, description="Where no rule tells the window; production timing.")
    window_max_seconds: float = Field(
        86_400.0, gt=0, description="Over a longer time nothing is worked out from the sources: that is a burden."
    )
    traffic: Traffic | None = Field(None, description="With less of it within the window, nothing is called wrong.")
    second_look_max_seconds: float = Field(10.0, gt=0, description="So long a second look may be waited for.")


@dataclass(frozen=True, slots=True)
class Worked:
    """A signal, and the least and the most that its sources give, by label set. `traffic` is None where none counts."""

    signal: Mapping[LabelSet, float]
    low: Mapping[LabelSet, float]
    high: Mapping[LabelSet, float]
    traffic: float | None = None
    warnings: tuple[str, ...] = ()


def judge_follows(promise: Follows, worked: Worked, place: Mapping[str, str], doubt: str = "") -> Verdict:
    """Each value lies between the least and the most that the sources give, apart from the tolerance.

    `doubt` says why the two may differ although nothing is wrong.
    """
    expected = f"{promise.signal} is what its sources give"
    if worked.warnings or not worked.signal:
        observed = f"Prometheus warns: {worked.warnings[0]}" if worked.warnings else f"{promise.signal} has no value"
        return inconclusive(expected, observed, **place)
    wrong: list[str] = []
    right: list[str] = []
    for labels, value in worked.signal.items():
        low, high = worked.low.get(labels, math.nan), worked.high.get(labels, math.nan)
        if math.isnan(low) or math.isnan(high):
            continue
        said = f"{promise.signal}{_braces(labels)} = {value:.4g}, its sources give {_span(low, high)}"
        more = promise.tolerance + promise.tolerance_share * max(abs(low), abs(high))
        (right if low - more <= value <= high + more else wrong).append(said)
    if promise.traffic is not None and (worked.traffic or 0.0) < promise.traffic.minimum:
        doubt = doubt or f"{worked.traffic or 0.0:.0f} requests lately"
    if wrong and doubt:
        return inconclusive(expected, f"{some(wrong)}; {doubt}", **place)
    if wrong:
        return failed(expected, some(wrong), **place)
    if not right:
        return not_covered(f"the sources of {promise.signal} have no value to compare with", "repeat with traffic")
    return passed(some(right), where=place["where"])


def _span(low: float, high: float) -> str:
    return f"{low:.4g}" if math.isclose(low, high) else f"{low:.4g} to {high:.4g}"


def _braces(labels: LabelSet) -> str:
    return "{" + ", ".join(f'{name}="{value}"' for name, value in labels) + "}" if labels else ""


def doubted(promise: Follows, rules: Sequence[Rule], made: Made | None) -> str:
    """Say why a recorded metric may differ from what the contract works out; empty where it may not."""
    if made is None:
        return f"no loaded rule says how {promise.signal} is made"
    names = set[str]().union(*map(_names, promise.ways))
    inputs = [found for name in names if (found := made_of(rules, name)) is not None]
    sources = _of_families(names.union(*(found.reads for found in inputs)))
    others = [name for name in sorted(made.reads) if not _of_families([name]) <= sources]
    if others:
        return f"it is made of {some(others)}{'' if len(others) == len(made.reads) else ' as well'}"
    if any(found.windows_seconds != made.windows_seconds for found in inputs) and made.reads:
        return "the two look back over different times"
    return ""


def working_out(promise: Follows, windows: Sequence[float], span: float, by: Sequence[str], traffic: str = "") -> str:
    """Write one query that gives the signal, the least and the most of each way, and the traffic; a label tells which.

    One query, so that all of it is of one moment. The least and the most are those within the last `span` seconds.
    """
    marked = [(promise.signal, "signal")]
    ways = {
        way.replace("{window}", _duration(window)).replace("{by}", ", ".join(by)): window
        for way in promise.ways
        for window in windows
    }
    for number, (way, window) in enumerate(ways.items()):
        if "[" in way and window > _LONG_SPANS * span:  # what came and went since does not show in it
            marked.append((way, f"both {number}"))
        else:
            marked.append((f"min_over_time(({way})[{_subquery_of(span)}])", f"low {number}"))
            marked.append((f"max_over_time(({way})[{_subquery_of(span)}])", f"high {number}"))
    if traffic:
        marked.append((traffic, "traffic"))
    return " or ".join(f'label_replace({one}, "{_READING}", "{mark}", "", "")' for one, mark in marked)


def worked_out(result: QueryResult, by: Sequence[str]) -> Worked:
    """Read the answer of `working_out`."""
    found: dict[str, dict[LabelSet, list[float]]] = {"signal": {}, "low": {}, "high": {}}
    traffic = None
    for sample in result.samples:
        mark = sample.labels.get(_READING, "").partition(" ")[0]
        labels = label_set({name: sample.labels[name] for name in by if name in sample.labels})
        if mark == "traffic":
            traffic = sample.value
        for each in ("low", "high") if mark == "both" else (mark,):
            if each in found and not math.isnan(sample.value):
                found[each].setdefault(labels, []).append(sample.value)
    return Worked(
        {labels: values[0] for labels, values in found["signal"].items()},
        {labels: min(values) for labels, values in found["low"].items()},
        {labels: max(values) for labels, values in found["high"].items()},
        traffic,
        result.warnings,
    )


@check("prometheus.follows", Follows)
def test_follows(promise: Follows, target: Target) -> Verdict:
    """What is recorded is what its sources say at this moment."""
    rules = _rules(target)
    made = made_of(rules, promise.signal)
    series = [sample.labels for sample in target.query(promise.signal).samples]
    own = made.own_labels if made is not None else frozenset()
    by = [name for name in promise.by if name not in own and any(labels.get(name) for labels in series)]
    if any(name in labels for labels in series for name in own) or len(
        {tuple(map(each.get, by)) for each in series}
    ) < len(series):
        return not_covered(f"{promise.signal} has series that are of a part each", "compare them by hand")
    windows = _windows(promise, made, target)
    if windows[-1] > promise.window_max_seconds and any("{window}" in way for way in promise.ways):
        observed = f"{promise.signal} looks back over {windows[-1]:g} s: too much to work it out from its sources"
        return not_covered(observed, "compare it by hand")
    behind = made.behind_seconds if made is not None else _UNTOLD_INTERVAL_SECONDS
    traffic = promise.traffic.query.replace("{window}", _duration(windows[0])) if promise.traffic is not None else ""
    # What is made of rates over a time follows by degrees within that time.
    smoothed = max(made.windows_seconds) - min(made.windows_seconds) if made is not None and made.windows_seconds else 0
    query = working_out(promise, windows, 1.5 * behind + 1.0 + smoothed, by, traffic)
    client = target.prometheus_client()
    place = {
        "where": f"GET {client.url}/api/v1/query",
        "reproduce": f"curl -sSG '{client.url}/api/v1/query' --data-urlencode {shlex.quote(f'query={query}')}",
    }
    doubt = doubted(promise, rules, made)
    verdict = judge_follows(promise, worked_out(client.query(query), by), place, doubt)
    if verdict.outcome is Outcome.FAIL and behind <= promise.second_look_max_seconds:
        # A busy machine evaluates late; what is wrong is wrong at the next evaluation as well.
        pause(behind)
        verdict = judge_follows(promise, worked_out(client.query(query), by), place, doubt)
    return verdict


def _windows(promise: Follows, made: Made | None, target: Target) -> tuple[float, ...]:
    """Give the shortest and the longest time over which the signal looks back, the shortest first."""
    known = made.windows_seconds if made is not None else ()
    found = known or (promise.window_seconds / target.scope.environment.time_scale,)
    return (max(found),) if max(found) <= _ALIKE * min(found) else (min(found), max(found))


class RecordedOnly(Promise):
    """What rules record is on no page of the platform."""


def judge_recorded_only(names: Collection[str], scrapes: Sequence[Scrape], place: Mapping[str, str]) -> Verdict:
    """No page has one of the names: what a process says of itself under it would be mixed with what is recorded."""
    found = [
        f"{name} is on the page of {scrape.replica or 'a replica'}"
        for scrape in scrapes
        for name in sorted(names)
        if name in scrape.exposition.families
    ]
    if found:
        return failed("recorded metrics come from rules alone", some(found), **place)
    return passed(f"none of {len(names)} on {len(scrapes)} pages", where=place["where"])


@check("prometheus.recorded_only", RecordedOnly)
def test_recorded_only(promise: RecordedOnly, target: Target) -> Verdict:  # noqa: ARG001 - nothing can be varied
    """No process says what only all of them together can know."""
    names = {each.query for each in target.contract.promises("prometheus.signal", Signal)}
    scrapes = list(target.replicas().scrapes.values())
    url = scrapes[0].answer.url
    return judge_recorded_only(names, scrapes, {"where": f"GET {url}", "reproduce": curl(url, "-sSL")})


# ------------------------------------------------------------------------------------------------ the same Alertmanager


class Fed(Promise):
    """Alerts go to the Alertmanager that the run looks at."""

    arrives_within_seconds: float = Field(gt=0, description="An alert that fires is there by then; production timing.")


@dataclass(frozen=True, slots=True)
class Fired:
    """An alert that has been firing for a while: its labels, and whether Alertmanager has one with its name."""

    name: str
    arrived: bool


def judge_fed(
    same: Sequence[bool | None], fired: Sequence[Fired], place: Mapping[str, str], *, relabelled: bool | None = False
) -> Verdict:
    """One Alertmanager that Prometheus sends to is the one in scope, or has what fires.

    `same` says of each whether it is, None where it cannot be told; `relabelled` whether alerts may be changed or
    dropped on their way.
    """
    expected = "alerts go to the Alertmanager that is looked at"
    lost = sorted({each.name for each in fired if not each.arrived})
    arrived = sorted({each.name for each in fired if each.arrived})
    if any(same):
        return passed("Prometheus sends to it", where=place["where"])
    if arrived:
        return passed(f"{some(arrived)} arrived there", where=place["where"])
    if lost and relabelled is False:
        return failed(expected, f"{some(lost)} fires in Prometheus and is not in Alertmanager", **place)
    if same and all(each is False for each in same):
        return failed(expected, "Prometheus sends to another one", **place)
    if lost:
        return inconclusive(expected, f"{some(lost)} is not in Alertmanager; relabelling may drop it", **place)
    return not_covered(
        "what Prometheus calls Alertmanager cannot be asked from here, and no alert fires", "repeat while one fires"
    )


@check("prometheus.fed", Fed)
def test_fed(promise: Fed, target: Target) -> Verdict:
    """What fires arrives where this run looks for it."""
    client, own = target.prometheus_client(), components.alertmanager(target)
    place = _api(target, "alertmanagers")
    bases = [url.partition("/api/")[0].rstrip("/") for url in client.alertmanagers()]
    if not bases:
        return not_covered("Prometheus sends to no Alertmanager", "give it one")
    same = [_same_alertmanager(target, base, own) for base in bases]
    if any(same):
        return judge_fed(same, (), place)
    scale = target.scope.environment.time_scale
    since = time.time() - promise.arrives_within_seconds / scale
    firing = [each for each in client.alerts() if each.state == "firing" and each.active_at > 0]
    waits = {rule.name: rule.duration_seconds for rule in loaded_rules(target) if rule.kind == "alerting"}
    long_since = [each for each in firing if each.active_at + waits.get(each.name, math.inf) < since]
    if long_since and own.status().started_at > time.time() - _SENT_AGAIN_SECONDS:
        long_since = []  # it forgot what it had at its start, and gets it again by and by
    there = {each.labels.get("alertname", "") for each in own.alerts()} if long_since else set()
    relabelled = _relabels_alerts(target) if long_since else None
    fired = [Fired(each.name, each.name in there) for each in long_since]
    return judge_fed(same, fired, place, relabelled=relabelled)


def _same_alertmanager(target: Target, base: str, own: Alertmanager) -> bool | None:
    """Tell whether an address is the Alertmanager in scope; None where it cannot be told."""
    if urlsplit(base)[1:3] == urlsplit(own.url)[1:3]:
        return True
    try:
        # Without credentials: the address is not one that this run was given.
        other = Alertmanager(target.http, base).status()
        ours = own.status()
    except CouldNotObserve:
        return None
    if other.started_at == ours.started_at:
        return True
    # Members of one cluster tell each other what they get; a load balancer may lead to another one each time.
    alone = other.peers <= 1 and ours.peers <= 1 and own.status().started_at == ours.started_at
    return False if alone else None


def _relabels_alerts(target: Target) -> bool | None:
    """Tell whether alerts may be changed or dropped before they are sent; None where it cannot be told."""
    with contextlib.suppress(CouldNotObserve):
        return "alert_relabel_configs" in target.once("prometheus configuration", target.prometheus_client().config)
    return None


# ----------------------------------------------------------------------------------------------------- the same samples


class SameSamples(Promise):
    """Prometheus has the samples of the page."""

    lookback_seconds: float = Field(gt=0)
    families: tuple[str, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Readings:
    """One replica's page as it was read from here, and what Prometheus recorded of it around then."""

    target: ScrapeTarget
    scrape: Scrape
    recorded: tuple[Series, ...]


def judge_same_samples(
    promise: SameSamples, readings: Readings, tolerance_seconds: float, place: Mapping[str, str]
) -> Verdict:
    """Each counter on the page is recorded, and no recorded value contradicts the page.

    `tolerance_seconds` is how far the clocks may differ: what was recorded that close to our reading is not compared.
    """
    expected = "each sample of the page, with the page's value"
    instance, page = readings.target.instance, readings.scrape.exposition
    labels = readings.target.labels
    recorded = {
        (series.labels.get("__name__", ""), label_set(_own(series.labels, labels))): series.points
        for series in readings.recorded
    }
    newest = max((points[-1][0] for points in recorded.values() if points), default=0.0)
    # A series that goes on has a point in each scrape.
    fresh_from = newest - 2 * readings.target.interval_seconds - 1.0
    born_at = _born_at(readings.scrape)
    wrong: list[str] = []
    found = compared = 0
    for sample in _growing(promise, page):
        points = recorded.get((sample.name, sample.label_set), ())
        if not points and _existed(page, sample, newest - tolerance_seconds):
            wrong.append(f"{sample.key} is on the page of {instance} and not in Prometheus")
        elif points and points[-1][0] < fresh_from:
            wrong.append(f"{sample.key} is on the page of {instance} and no longer in Prometheus")
        elif points:
            found += born_at is None or points[-1][0] > born_at
            count, contradiction = _compared(sample, points, readings.scrape, tolerance_seconds)
            compared += count
            wrong += contradiction
    if wrong:
        return failed(expected, some(wrong), **place)
    if not found:
        observed = f"{instance}: nothing of this process was recorded in {promise.lookback_seconds:g} s"
        return inconclusive(expected, observed, **place)
    verdict = passed(f"{instance}: {found} series recorded, {compared} values compared", where=place["where"])
    return verdict if compared else verdict.with_notes(f"{instance} was started too recently to compare values")


def _compared(
    sample: Sample, points: Sequence[tuple[float, float]], scrape: Scrape, tolerance_seconds: float
) -> tuple[int, list[str]]:
    """Set a counter on the page against its recorded values; gives how many could be, and the first contradiction."""
    born_at, read_at = _born_at(scrape), scrape.answer.asked_at
    count = 0
    for at, value in points:
        before = born_at is not None and born_at < at < read_at - tolerance_seconds
        after = at > read_at + scrape.answer.elapsed_seconds + tolerance_seconds
        count += before or after
        if before and value > sample.value + _VALUES_EQUAL * abs(value):
            return count, [f"{sample.key} was {value:g} in Prometheus, and {sample.value:g} on the page later"]
        if after and value < sample.value - _VALUES_EQUAL * abs(value):
            return count, [f"{sample.key} was {sample.value:g} on the page, and {value:g} in Prometheus later"]
    return count, []


def _born_at(scrape: Scrape) -> float | None:
    """Say since when the samples can be this process's.

    Its first counter tells it better: Linux rounds the moment of the boot, from which the start of a process is
    counted, down to seconds, and what the process before it on the same address last said may be as young as that.
    """
    process = scrape.identity
    known = (process.started_at, process.first_created_at) if process else ()
    return max((moment for moment in known if moment is not None), default=None)


def _own(labels: Mapping[str, str], of_target: Mapping[str, str]) -> dict[str, str]:
    """Take away the labels that Prometheus adds for the target."""
    return {name: value for name, value in labels.items() if name != "__name__" and of_target.get(name) != value}


def _growing(promise: SameSamples, page: Exposition) -> Iterator[Sample]:
    for name in promise.families:
        family = page.families.get(name)
        if family is not None and family.type in ("counter", "histogram"):
            yield from family.samples


def _existed(page: Exposition, sample: Sample, at: float) -> bool:
    """Tell whether a sample was certainly on the page at a time, by the time at which its counter was created."""
    for suffix in ("_total", "_bucket", "_count", "_sum"):
        if sample.name.endswith(suffix):
            labels = {name: value for name, value in sample.labels.items() if name != "le"}
            created = page.value(sample.name.removesuffix(suffix) + "_created", labels)
            return created is not None and created < at
    return False


@check("prometheus.same_samples", SameSamples)
def test_same_samples(promise: SameSamples, target: Target) -> Verdict:
    """What Prometheus recorded of each replica is what the replica says."""
    found = target.replicas()
    if all(scraped.instance not in found.scrapes for scraped in target.app_targets()):
        return not_one_by_one(found, _api(target, "targets?state=active"))
    names = "|".join(f"{name}(_bucket|_count|_sum)?" for name in promise.families)
    blocker = fleet_promise(target)
    verdicts = []
    for scraped in target.app_targets():
        if scraped.instance not in found.scrapes:
            verdicts += [unread(scraped, found, blocker)] if scraped.health == "up" else []
            continue
        selector = f'{{__name__=~"{names}",job="{scraped.job}",instance="{scraped.instance}"}}'
        result = target.query(f"{selector}[{promise.lookback_seconds:.0f}s]")
        readings = Readings(scraped, found.scrapes[scraped.instance], result.series)
        tolerance = target.contract.platform.limits.clock_tolerance_seconds
        place = {
            "where": f"{scraped.scrape_url} and {target.prometheus_client().url}",
            "reproduce": curl(scraped.scrape_url, "-sSL"),
        }
        verdicts.append(judge_same_samples(promise, readings, tolerance, place))
    return combine(verdicts)


def not_one_by_one(found: Replicas, place: Mapping[str, str]) -> Verdict:
    """Say why no replica was read by itself: from here none can be reached, or what answered cannot be read."""
    troubles = [each for each in (found.unreachable or {}).values() if each.trouble not in _NO_WAY_THERE]
    if troubles:
        return inconclusive("the page of each replica", troubles[0].sentence, **place)
    return not_covered("the replicas cannot be asked one by one from here", "run the gate inside the cluster")


def unread(scraped: ScrapeTarget, found: Replicas, blocked_by: str) -> Verdict:
    """Say that one replica could not be read, which Prometheus reads, as others were; `blocked_by` says it for all."""
    trouble = (found.unreachable or {}).get(scraped.instance)
    why = trouble.came_back if trouble is not None else "its page cannot be read"
    place = {"where": f"GET {scraped.scrape_url}", "reproduce": curl(scraped.scrape_url, "-sSL")}
    return inconclusive("the page of each replica", f"{scraped.instance}: {why}", **place, blocked_by=blocked_by)
