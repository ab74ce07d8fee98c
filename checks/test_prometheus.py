"""Prometheus: it scrapes every replica, evaluates the rules, and says what the platform says."""

from __future__ import annotations

import contextlib
import email.utils
import math
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from checks.test_health import fleet_promise
from selfcheck.checking import check
from selfcheck.clients._reading import duration_seconds
from selfcheck.contract import Model, Promise, RouteName
from selfcheck.exposition import Exposition, Sample, label_set
from selfcheck.families import Quantity
from selfcheck.rehearsal import compares_now
from selfcheck.replicas import unseen
from selfcheck.values import curl, some
from selfcheck.verdict import Verdict, combine, failed, inconclusive, not_covered, passed
from selfcheck.waiting import GaveUp, wait_until

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from selfcheck.clients.http import Answer
    from selfcheck.clients.prometheus import QueryResult, RuleGroup, RuntimeInfo, Series
    from selfcheck.clients.prometheus import Sample as Value
    from selfcheck.clients.prometheus import Target as ScrapeTarget
    from selfcheck.replicas import Replicas, Scrape
    from selfcheck.target import Target

_SHOWN_MAX = 3
_VALUES_EQUAL = 1e-9
_UNTOLD_INTERVAL_SECONDS = 60.0


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
) -> Verdict:
    """Every target of the platform's jobs is up and fresh; none that serves users is left out; none is missing."""
    expected = "every replica up" + (f", {expected_count} of them" if expected_count else "")
    wrong, unknown = [], []
    for target in targets:
        if target.health == "unknown":
            unknown.append(target.instance)
        elif target.health != "up":
            wrong.append(f"{target.instance} is {target.health}: {target.last_error or 'no reason given'}")
        elif now - target.last_scrape_at > promise.late_after_intervals * target.interval_seconds + tolerance_seconds:
            wrong.append(f"{target.instance} was scraped {now - target.last_scrape_at:.0f} s ago")
    wrong += [
        f"a process answers users that Prometheus does not scrape ({scrape.identity})" for scrape in replicas.unlisted
    ]
    instances = len({target.instance for target in targets})
    if instances < (expected_count or 1):
        wrong.append(f"only {instances} replicas are scraped" if instances else "no replica is scraped")
    if wrong:
        return failed(expected, some(wrong), **place)
    if unknown:
        return inconclusive(expected, f"not scraped yet: {some(unknown)}", **place)
    return passed(f"{instances} replicas up", where=place["where"])


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
    return judge_scraped(
        promise,
        targets,
        target.replicas(),
        expected_count=target.scope.environment.replicas,
        now=now,
        tolerance_seconds=target.contract.platform.limits.clock_tolerance_seconds,
        place=_api(target, "targets?state=active"),
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


class Signal(Quantity):
    """A recorded metric has values, within its domain."""

    labels: tuple[str, ...] = Field((), description="Labels that every series has.")
    series_max: int | None = None
    traffic: Traffic


def judge_signal(promise: Signal, result: QueryResult, traffic: float, place: Mapping[str, str]) -> Verdict:
    """There is a value, a finite one when there was traffic, inside the domain, with the promised labels."""
    expected = f"{promise.query} {_range(promise)}"
    if result.warnings:
        return inconclusive(expected, f"Prometheus warns: {result.warnings[0]}", **place)
    # NaN is what a ratio gives when nothing happened; an infinity is a value, and a wrong one.
    values = [sample for sample in result.samples if not math.isnan(sample.value)]
    if not values:
        observed = "no data" if not result.samples else f"only {result.samples[0].value:g}"
        if traffic < promise.traffic.minimum:
            return inconclusive(expected, f"{observed}; too little traffic ({traffic:.0f} requests lately)", **place)
        return failed(expected, f"{observed}, with {traffic:.0f} requests lately", **place)
    breach = _outside(promise, values) or _wrong_series(promise, values)
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
    if promise.series_max is not None and len(values) > promise.series_max:
        return f"at most {promise.series_max} series", f"{len(values)} series"
    return None


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
        return judge_signal(promise, result, promise.traffic.minimum, place)
    # Whether there should be a value depends on how far back the rules look: traffic before that is none to them.
    window_seconds = min(_windows_seconds(target.rule_groups()), default=promise.traffic.window_seconds)
    return judge_signal(promise, result, traffic_of(target, promise.traffic, window_seconds), place)


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
    if not signal.samples or not lowest.samples or not highest.samples:
        absent = promise.source if signal.samples else promise.signal
        return inconclusive(expected, f"{absent} has no data", **place)
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
    if not found.urls:
        return not_covered("the replicas cannot be asked one by one from here", "run the gate inside the cluster")
    names = "|".join(f"{name}(_bucket|_count|_sum)?" for name in promise.families)
    blocker = fleet_promise(target)
    verdicts = [
        inconclusive("each sample of the page", f"{name}: {why}", blocked_by=blocker)
        for name, why in unseen(found).items()
    ]
    for scraped in target.app_targets():
        if scraped.instance not in found.scrapes:
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
