"""Scraping: what Prometheus collects, what relabelling leaves of it, how long it is kept, and who watches it all."""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from checks.test_health import fleet_promise
from checks.test_prometheus import not_one_by_one, unread, up_lately
from selfcheck.checking import check
from selfcheck.clients._reading import duration_seconds
from selfcheck.contract import Promise
from selfcheck.exposition import LabelSet, label_set
from selfcheck.families import families
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.promql import Aggregate, Call, Node, Selector, Subquery, UnreadableError, Use, parse, uses
from selfcheck.values import curl, some
from selfcheck.verdict import Verdict, combine, failed, inconclusive, not_covered, passed
from selfcheck.waiting import GaveUp, pause, wait_until

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from selfcheck.clients.prometheus import QueryResult, RuleGroup, Sample
    from selfcheck.clients.prometheus import Target as ScrapeTarget
    from selfcheck.replicas import Scrape
    from selfcheck.target import Target

_DAY_SECONDS = 86_400
# A sample can be asked for a moment after the scrape that brought it.
_COMMITTED_SECONDS = 0.3


def _api(target: Target, path: str) -> dict[str, str]:
    url = f"{target.prometheus_client().url}/api/v1/{path}"
    return {"where": f"GET {url}", "reproduce": curl(url)}


def _configuration(target: Target) -> Mapping[str, Any]:
    """Give Prometheus' configuration in force; raises CouldNotObserve."""
    import yaml  # noqa: PLC0415 - only a run that looks at a configuration pays for it

    client = target.prometheus_client()
    text = target.once("prometheus configuration", client.config)
    try:
        found = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - one of the safe ones
    except yaml.YAMLError:
        found = None
    if not isinstance(found, dict):
        raise CouldNotObserve(
            Trouble.UNEXPECTED_ANSWER,
            asked=f"GET {client.url}/api/v1/status/config",
            came_back="what it calls its configuration cannot be read",
            hint="Look at it by hand",
        )
    return found


def _ask(target: Target, queries: Sequence[str]) -> list[QueryResult]:
    found = []
    for result in target.prometheus_client().query_all(queries):
        if isinstance(result, CouldNotObserve):
            raise result
        found.append(result)
    return found


def _shown(target: ScrapeTarget) -> str:
    return f"{target.job} at {target.instance}"


# -------------------------------------------------------------------------------------------------------------- targets


class Up(Promise):
    """Every target is up."""

    jobs: tuple[str, ...] = Field((), description="Jobs that have to have a target.")
    apart_by: tuple[str, ...] = Field(
        (), description="Where a target differs from the platform's in one of these labels, it is somebody else's."
    )
    second_look_interval_max_seconds: float = Field(gt=0)
    late_after_intervals: float = Field(
        3.0, gt=0, description="A target that was up within so many of its intervals may only have lost a scrape."
    )


def judge_up(
    promise: Up,
    targets: Sequence[ScrapeTarget],
    apps: Collection[str],
    place: Mapping[str, str],
    lately: Collection[tuple[str, str]] = (),
) -> Verdict:
    """No target is down, apart from those of the platform's jobs (`apps`); each promised job has a target.

    Of one that was up `lately` (job and instance) only the last scrapes failed: that may pass by itself. What is down
    and somebody else's is a remark.
    """
    own = [target for target in targets if target.job in apps]
    others = [target for target in targets if target.job not in apps]
    wrong, unknown, notes = [], [], []
    for target in others:
        said = f"{_shown(target)} is {target.health}: {target.last_error or 'no reason given'}"
        if target.health == "up":
            continue
        if target.job not in promise.jobs and _is_apart(promise, target, own):
            notes.append(f"somebody else's: {said}")
        elif target.health != "down":
            unknown.append(f"not scraped yet: {_shown(target)}")
        elif (target.job, target.instance) in lately:
            unknown.append(f"{said}; it was up a moment ago")
        else:
            wrong.append(said)
    wrong += [f"there is no job {job!r}" for job in promise.jobs if all(target.job != job for target in targets)]
    if wrong:
        return failed("every target up", some(wrong), **place, notes=notes[:3])
    if unknown:
        return inconclusive("every target up", some(unknown), **place).with_notes(*notes[:3])
    if not others:
        return not_covered("Prometheus scrapes nothing but the platform", "let it scrape itself, and exporters")
    return passed(f"{len(others) - len(notes)} targets up", where=place["where"], notes=notes[:3])


def _is_apart(promise: Up, target: ScrapeTarget, own: Sequence[ScrapeTarget]) -> bool:
    for name in promise.apart_by:
        values = {each.labels.get(name, "") for each in own} - {""}
        if values and target.labels.get(name, "") not in {"", *values}:
            return True
    return False


@check("scraping.up", Up)
def test_up(promise: Up, target: Target) -> Verdict:
    """Nothing that is scraped is down."""
    client = target.prometheus_client()
    apps = {found.job for found in target.app_targets()}
    targets = client.targets()
    down = [found for found in targets if found.health != "up" and found.job not in apps]
    slowest = max((found.interval_seconds for found in down), default=0.0)
    if down and slowest <= promise.second_look_interval_max_seconds:
        # One lost scrape on a busy machine is nothing that is down: the next one tells.
        with contextlib.suppress(GaveUp):
            targets = wait_until(
                lambda: _all_up(client.targets(), apps),
                timeout_seconds=2 * slowest + 1.0,
                what="every target to be up",
            )
    down = [found for found in targets if found.health == "down" and found.job not in apps]
    slow = [found for found in down if found.interval_seconds > promise.second_look_interval_max_seconds]
    lately = up_lately(target, slow, promise.late_after_intervals)
    return judge_up(promise, targets, apps, _api(target, "targets?state=active"), lately)


def _all_up(targets: tuple[ScrapeTarget, ...], apps: Collection[str]) -> tuple[ScrapeTarget, ...] | None:
    return targets if all(found.health == "up" or found.job in apps for found in targets) else None


class Distinct(Promise):
    """Targets are told apart by their labels, and no replica is counted twice."""


def judge_distinct(
    targets: Sequence[ScrapeTarget], place: Mapping[str, str], counted: Collection[ScrapeTarget] = ()
) -> Verdict:
    """No two targets have the same labels, and no two of those whose counters are `counted` the same address."""
    by_labels: dict[LabelSet, list[str]] = {}
    for target in targets:
        by_labels.setdefault(label_set(target.labels), []).append(target.scrape_url)
    wrong = [
        f"{' and '.join(sorted(urls)[:3])} are all {dict(labels)}"
        for labels, urls in by_labels.items()
        if len(urls) > 1
    ]
    by_url: dict[str, list[str]] = {}
    for target in counted:
        by_url.setdefault(target.scrape_url, []).append(_shown(target))
    wrong += [
        f"{url} is scraped as {' and as '.join(sorted(names)[:3])}: what it counts is there {len(names)} times"
        for url, names in by_url.items()
        if len(names) > 1
    ]
    if wrong:
        return failed("each target once, with labels of its own", some(wrong), **place)
    return passed(f"{len(targets)} targets", where=place["where"])


@check("scraping.distinct", Distinct)
def test_distinct(promise: Distinct, target: Target) -> Verdict:  # noqa: ARG001 - nothing can be varied
    """No target overwrites another one, or says again what it says."""
    apps = target.app_targets()
    urls = [found.scrape_url for found in apps]
    counted: list[ScrapeTarget] = []
    if len(set(urls)) < len(urls):
        # A job may drop what it scrapes a second time.
        names = "|".join(target.contract.platform.identity.metric_families)
        kept = target.query(f'count by (job, instance) ({{__name__=~"{names}"}})')
        having = {(each.labels.get("job"), each.labels.get("instance")) for each in kept.samples}
        counted = [found for found in apps if (found.job, found.instance) in having]
    return judge_distinct(target.targets(), _api(target, "targets?state=active"), counted)


class Intervals(Promise):
    """Scrapes come often enough."""

    interval_max_seconds: float = Field(gt=0)
    lookback_flag: str = Field(description="The flag that says how long a sample counts as the present.")


def judge_intervals(
    promise: Intervals,
    apps: Sequence[ScrapeTarget],
    others: Sequence[ScrapeTarget],
    scale: float,
    lookback: float | CouldNotObserve,
    place: Mapping[str, str],
    *,
    named: bool = True,
) -> Verdict:
    """The platform's targets keep the promised interval, and each sample of them counts until the next one.

    Any other target slower than the look-back is a remark. `named` tells that the environment was chosen by name: where
    it was not, its time scale need not be this platform's.
    """
    limit = promise.interval_max_seconds / scale
    lookback_seconds = math.inf if isinstance(lookback, CouldNotObserve) else lookback
    slow = [
        f"{_shown(target)} every {target.interval_seconds:g} s"
        for target in apps
        if math.isfinite(target.interval_seconds) and target.interval_seconds > limit
    ]
    usual = all(
        target.interval_seconds <= promise.interval_max_seconds
        for target in apps
        if math.isfinite(target.interval_seconds)
    )
    excused = slow if usual and not named else []
    wrong = [] if excused else slow
    wrong += [
        f"{_shown(target)} every {target.interval_seconds:g} s, and a sample counts for {lookback_seconds:g} s"
        for target in apps
        if math.isfinite(target.interval_seconds) and target.interval_seconds > lookback_seconds
    ]
    wrong += [
        f"{_shown(target)} may take {target.timeout_seconds:g} s, its interval is {target.interval_seconds:g} s"
        for target in (*apps, *others)
        if math.isfinite(target.timeout_seconds) and target.timeout_seconds > target.interval_seconds
    ]
    notes = [
        f"{_shown(target)} is scraped every {target.interval_seconds:g} s; a sample counts for {lookback_seconds:g} s"
        for target in others
        if math.isfinite(target.interval_seconds) and target.interval_seconds >= lookback_seconds
    ]
    expected = f"the platform scraped at least every {limit:g} s"
    if wrong:
        return failed(expected, some(wrong), **place, notes=notes[:3])
    if not apps or not all(math.isfinite(target.interval_seconds) for target in apps):
        return inconclusive(expected, "Prometheus does not tell the intervals of the platform's targets", **place)
    if excused:
        observed = f"{some(excused)}: enough, unless this environment's times are divided by {scale:g}"
        return inconclusive(expected, observed, **place)
    if isinstance(lookback, CouldNotObserve):
        return _untold(expected, lookback, place)
    slowest = max(target.interval_seconds for target in apps)
    return passed(f"the platform is scraped every {slowest:g} s", where=place["where"], notes=notes[:3])


@check("scraping.intervals", Intervals)
def test_intervals(promise: Intervals, target: Target) -> Verdict:
    """What is scraped is scraped often enough."""
    apps = target.app_targets()
    others = [found for found in target.targets() if found not in apps]
    lookback: float | CouldNotObserve
    try:
        flags = target.once("prometheus flags", target.prometheus_client().flags)
        lookback = duration_seconds(flags.get(promise.lookback_flag, "5m"))
    except CouldNotObserve as trouble:
        lookback = trouble
    scale = target.scope.environment.time_scale
    place = _api(target, "targets?state=active")
    named = target.scope.settings.environment is not None
    return judge_intervals(promise, apps, others, scale, lookback, place, named=named)


def _untold(expected: str, trouble: CouldNotObserve, place: Mapping[str, str]) -> Verdict:
    """What a server has no way to tell is not covered; what it did not tell is not known."""
    if trouble.trouble is Trouble.NO_SUCH_ROUTE:
        return not_covered(trouble.came_back, trouble.hint)
    return inconclusive(expected, trouble.sentence, **place)


# ---------------------------------------------------------------------------------------------- page and store compared


@dataclass(frozen=True, slots=True)
class Stored:
    """The promised samples of one replica's page, and those that Prometheus has of it; labels without the target's.

    `settled`: Prometheus has scraped since the page was read, or nothing was missing before.
    """

    target: ScrapeTarget
    page: frozenset[tuple[str, LabelSet]]
    stored: frozenset[tuple[str, LabelSet]]
    settled: bool = True

    @property
    def missing(self) -> list[tuple[str, LabelSet]]:
        """What is on the page and not in Prometheus; labels that Prometheus has besides do not matter."""
        lost = self.page - self.stored
        having: dict[str, list[frozenset[tuple[str, str]]]] = {}
        for name, labels in self.stored if lost else ():
            having.setdefault(name, []).append(frozenset(labels))
        return sorted(
            (name, labels) for name, labels in lost if not any(set(labels) <= other for other in having.get(name, ()))
        )


def on_page(scrape: Scrape, names: Collection[str], of_target: Mapping[str, str]) -> frozenset[tuple[str, LabelSet]]:
    """Give the samples with certain names, labelled as Prometheus would without relabelling."""
    return frozenset(
        (sample.name, _normal({f"exported_{k}" if k in of_target else k: v for k, v in sample.labels.items()}))
        for family in scrape.exposition.families.values()
        for sample in family.samples
        if sample.name in names
    )


def in_store(samples: Iterable[Sample], of_target: Mapping[str, str]) -> frozenset[tuple[str, LabelSet]]:
    """Give the samples that Prometheus has, without the labels that it adds for the target."""
    return frozenset(
        (
            sample.labels.get("__name__", ""),
            _normal({k: v for k, v in sample.labels.items() if k != "__name__" and of_target.get(k) != v}),
        )
        for sample in samples
    )


def _normal(labels: Mapping[str, str]) -> LabelSet:
    """Write bounds in one way: newer versions of Prometheus do, too."""
    return label_set({name: _bound(value) if name in ("le", "quantile") else value for name, value in labels.items()})


def _bound(value: str) -> str:
    # "inf" is no bound that a page has: it is "+Inf" there, and what reads "inf" was rewritten.
    try:
        return value if value.lower().lstrip("+-") in ("inf", "nan") else repr(float(value))
    except ValueError:
        return value


def _stored(target: Target, patience_seconds: float) -> list[Stored]:
    return target.once("stored", lambda: _compare(target, patience_seconds))


def _compare(target: Target, patience_seconds: float) -> list[Stored]:
    names = families(target.contract)
    scrapes = target.replicas().scrapes
    pages = [
        (found, on_page(scrapes[found.instance], names, found.labels))
        for found in target.app_targets()
        if found.instance in scrapes
    ]
    first = _look_up(target, names, pages)
    if not any(each.missing for each in first):
        return first
    # It may have come to the page after the last scrape: what is missing after the next one is missing.
    client = target.prometheus_client()
    before = {found.scrape_url: found.last_scrape_at for found in client.targets()}
    suspects = {each.target.scrape_url for each in first if each.missing}

    def scraped() -> bool:
        now = {found.scrape_url: found.last_scrape_at for found in client.targets()}
        return all(now.get(url, math.inf) > before.get(url, 0.0) for url in suspects)

    settled = True
    try:
        wait_until(
            scraped,
            timeout_seconds=min(patience_seconds, target.deadline.left_seconds / 3),
            what="the next scrape",
            interval_seconds=0.2,
        )
    except GaveUp:
        settled = False
    pause(_COMMITTED_SECONDS)
    return [Stored(each.target, each.page, each.stored, settled) for each in _look_up(target, names, pages)]


def _look_up(
    target: Target, names: Iterable[str], pages: Sequence[tuple[ScrapeTarget, frozenset[tuple[str, LabelSet]]]]
) -> list[Stored]:
    pattern = "|".join(map(re.escape, sorted(names)))
    queries = [
        f'{{__name__=~"{pattern}",job={json.dumps(found.job)},instance={json.dumps(found.instance)}}}'
        for found, _ in pages
    ]
    results = _ask(target, queries)
    return [
        Stored(found, page, in_store(result.samples, found.labels))
        for (found, page), result in zip(pages, results, strict=True)
    ]


class Buckets(Promise):
    """Histograms keep their buckets."""

    patience_seconds: float = Field(gt=0)
    bounds_min: int = Field(ge=2, description="With fewer bounds a histogram tells nothing.")
    needed: Mapping[str, tuple[float, ...]] = Field(
        default_factory=dict, description="By samples: the bounds that an objective is judged by."
    )


def judge_buckets(promise: Buckets, replicas: Sequence[Stored], place: Mapping[str, str]) -> Verdict:
    """Each histogram of a page is stored with its bounds; some dropped on purpose are a remark.

    Those that an objective needs are none of them; a page without one is a remark.
    """
    expected = "the bounds of the page"
    wrong: list[str] = []
    notes: dict[str, None] = {}
    unsettled: list[str] = []
    count = 0
    for each in replicas:
        have = _bounds(each.stored)
        for (name, labels), bounds in _bounds(each.page).items():
            count += 1
            kept = have.get((name, labels), set())
            needed = {repr(float(bound)) for bound in promise.needed.get(name, ())}
            for bound in sorted(needed - bounds)[:1]:
                notes[f'{name} has no le="{bound}" on its page, so that its objective is judged by an estimate'] = None
            if kept == bounds:
                continue
            text = f"{name}{_braces(labels)} of {each.target.instance}"
            said = f"{text}: {len(bounds)} bounds on the page, {len(kept & bounds)} of them in Prometheus"
            breach = _lost_bounds(promise, bounds, kept, needed)
            if kept - bounds or (breach is not None and each.settled):
                wrong.append(said + (breach or ""))
            elif not each.settled:
                unsettled.append(said)
            else:
                notes[said] = None
    if wrong:
        return failed(expected, some(wrong), **place, notes=list(notes)[:3])
    if unsettled:
        return inconclusive(expected, f"not scraped since: {some(unsettled)}", **place)
    if not count:
        return _nothing_to_compare(replicas)
    return passed(f"{count} histograms of {len(replicas)} replicas", where=place["where"], notes=list(notes)[:3])


def _lost_bounds(
    promise: Buckets, bounds: Collection[str], kept: Collection[str], needed: Collection[str]
) -> str | None:
    """Say what is wrong with the bounds that are kept, in a few words or in none; None where they will do."""
    foreign = sorted(set(kept) - set(bounds))
    gone = sorted(set(needed) & set(bounds) - set(kept))
    if foreign:
        return f'; and le="{foreign[0]}", which no page has'
    if "+Inf" not in kept or len(kept) < promise.bounds_min:
        return ""
    return f'; le="{gone[0]}", by which its objective is judged, is gone' if gone else None


def _bounds(samples: Iterable[tuple[str, LabelSet]]) -> dict[tuple[str, LabelSet], set[str]]:
    found: dict[tuple[str, LabelSet], set[str]] = {}
    for name, labels in samples:
        if name.endswith("_bucket"):
            le = dict(labels).get("le", "")
            found.setdefault((name, tuple(each for each in labels if each[0] != "le")), set()).add(le)
    return found


def _braces(labels: LabelSet) -> str:
    return "{" + ", ".join(f'{name}="{value}"' for name, value in labels) + "}" if labels else ""


def _nothing_to_compare(replicas: Sequence[Stored]) -> Verdict:
    if replicas:
        return not_covered("no page has a promised histogram with samples yet", "repeat when there was traffic")
    return not_covered("the replicas cannot be asked one by one from here", "run the gate inside the cluster")


def _with_unread(target: Target, verdict: Verdict) -> Verdict:
    """Let a verdict on the pages that were read say which could not be, although Prometheus reads them."""
    found = target.replicas()
    apps = target.app_targets()
    if all(each.instance not in found.scrapes for each in apps):
        return not_one_by_one(found, _store_place(target))
    missed = [each for each in apps if each.instance not in found.scrapes and each.health == "up"]
    return combine([verdict, *(unread(each, found, fleet_promise(target)) for each in missed)])


@check("scraping.buckets", Buckets)
def test_buckets(promise: Buckets, target: Target) -> Verdict:
    """Quantiles can be worked out."""
    verdict = judge_buckets(promise, _stored(target, promise.patience_seconds), _store_place(target))
    return _with_unread(target, verdict)


def _store_place(target: Target) -> dict[str, str]:
    url = f"{target.prometheus_client().url}/api/v1"
    jobs = "|".join(sorted({found.job for found in target.app_targets()}))
    query = f'count by (__name__, le) ({{job=~"{jobs}"}})'
    return {
        "where": f"GET {url}/query and the replicas' pages",
        "reproduce": f"curl -sSG {url}/query --data-urlencode '{query}'",
    }


class SeriesKept(Promise):
    """Series keep their names and labels."""

    patience_seconds: float = Field(gt=0)


def judge_series(replicas: Sequence[Stored], place: Mapping[str, str]) -> Verdict:
    """Each promised sample of a page, buckets aside, is stored with its labels."""
    expected = "each promised series of the page, with its labels"
    wrong: list[str] = []
    unsettled: list[str] = []
    for each in replicas:
        for name, labels in each.missing:
            if not name.endswith("_bucket"):
                said = f"{name}{_braces(labels)} of {each.target.instance} {_what_is_left(each, name, labels)}"
                (wrong if each.settled else unsettled).append(said)
    if wrong:
        return failed(expected, some(wrong), **place)
    if unsettled:
        return inconclusive(expected, f"not scraped since: {some(unsettled)}", **place)
    if not replicas:
        return _nothing_to_compare(replicas)
    return passed(f"{sum(len(each.page) for each in replicas)} series compared", where=place["where"])


def _what_is_left(each: Stored, name: str, labels: LabelSet) -> str:
    for other, kept in each.stored:
        if other == name and set(kept) < set(labels):
            gone = ", ".join(label for label, value in labels if (label, value) not in kept)
            return f"has lost its label {gone} in Prometheus"
    return "is not in Prometheus"


@check("scraping.series", SeriesKept)
def test_series(promise: SeriesKept, target: Target) -> Verdict:
    """What the platform says is kept."""
    return _with_unread(target, judge_series(_stored(target, promise.patience_seconds), _store_place(target)))


class OwnLabels(Promise):
    """Pages cannot overwrite the target's labels."""


def judge_labels(
    honouring: Collection[str], overwritten: Sequence[str], count: int, place: Mapping[str, str]
) -> Verdict:
    """No job of the platform honours labels that its pages use; one that honours without need is a remark."""
    if overwritten:
        return failed("the target's labels on each series", some(overwritten), **place)
    notes = [f"the job {job} has `honor_labels`, which it does not need" for job in sorted(honouring)]
    return passed(f"{count} target(s)", where=place["where"], notes=notes)


@check("scraping.labels", OwnLabels)
def test_labels(promise: OwnLabels, target: Target) -> Verdict:  # noqa: ARG001 - nothing can be varied
    """No page speaks for another target."""
    apps = target.app_targets()
    jobs = {found.scrape_pool or found.job for found in apps}
    configured = _configuration(target).get("scrape_configs") or ()
    honouring = {str(each["job_name"]) for each in configured if each.get("honor_labels") and each["job_name"] in jobs}
    overwritten = []
    scrapes = target.replicas().scrapes if honouring else {}
    for found in apps:
        scrape = scrapes.get(found.instance)
        if scrape is not None and (found.scrape_pool or found.job) in honouring:
            overwritten += list(_overwriting(found, scrape))[:1]
    return judge_labels(honouring, overwritten, len(apps), _api(target, "status/config"))


def _overwriting(found: ScrapeTarget, scrape: Scrape) -> Iterator[str]:
    for family in scrape.exposition.families.values():
        for sample in family.samples:
            for name in sample.label_names:
                if name in found.labels and sample.labels[name] != found.labels[name]:
                    yield f"{sample.key} of {found.instance} overwrites {name}: the job {found.job} has `honor_labels`"


# ---------------------------------------------------------------------------------------------------------------- sizes


class Samples(Promise):
    """Scrapes are neither empty nor too large."""

    scraped: str
    kept: str
    samples_min: int = Field(ge=1)
    samples_max: int = Field(ge=1)
    limit_share_max: float = Field(gt=0, le=1)


def judge_samples(
    promise: Samples,
    targets: Sequence[ScrapeTarget],
    scraped: QueryResult,
    kept: QueryResult,
    limits: Mapping[str, int] | CouldNotObserve,
    place: Mapping[str, str],
) -> Verdict:
    """The size of each target's last scrape is inside the bounds, before and after relabelling."""
    expected = f"from {promise.samples_min} to {promise.samples_max} samples a scrape"
    if scraped.warnings or kept.warnings:
        return inconclusive(expected, f"Prometheus warns: {(*scraped.warnings, *kept.warnings)[0]}", **place)
    before = {(each.labels.get("job"), each.labels.get("instance")): each.value for each in scraped.samples}
    after = {(each.labels.get("job"), each.labels.get("instance")): each.value for each in kept.samples}
    wrong, sizes = [], []
    for target in targets:
        key = (target.job, target.instance)
        if key not in before or target.health != "up":
            continue  # one that is down is another promise's
        sizes.append(before[key])
        limit = 0 if isinstance(limits, CouldNotObserve) else limits.get(target.scrape_pool or target.job, 0)
        breach = _size_breach(promise, before[key], after.get(key), limit)
        wrong += [f"{_shown(target)}: {breach}"] if breach else []
    if wrong:
        return failed(expected, some(wrong), **place)
    if not sizes:
        return inconclusive(expected, f"{promise.scraped} has no value for the platform's targets", **place)
    if isinstance(limits, CouldNotObserve):
        return _untold(expected, limits, place)
    return passed(f"{min(sizes):.0f} to {max(sizes):.0f} samples a scrape", where=place["where"])


def _size_breach(promise: Samples, before: float, after: float | None, limit: int) -> str:
    """Say what is wrong with one scrape's size before and after relabelling; empty where nothing is."""
    if before > promise.samples_max:
        return f"{before:.0f} samples"
    if before < promise.samples_min:
        return f"{before:.0f} samples on the page"
    if after is not None and after < promise.samples_min:
        return f"{before:.0f} samples on the page, none is left after relabelling"
    if limit and after is not None and after > promise.limit_share_max * limit:
        return f"{after:.0f} samples, and its job fails above {limit}"
    return ""


@check("scraping.samples", Samples)
def test_samples(promise: Samples, target: Target) -> Verdict:
    """Scrapes are of a sane size."""
    limits: dict[str, int] | CouldNotObserve
    try:
        configuration = _configuration(target)
        common = (configuration.get("global") or {}).get("sample_limit") or 0
        limits = {
            str(each["job_name"]): int(each.get("sample_limit") or common)
            for each in configuration.get("scrape_configs") or ()
        }
    except CouldNotObserve as trouble:
        limits = trouble
    scraped, kept = _ask(target, [promise.scraped, promise.kept])
    place = _api(target, f"query?query={promise.scraped}")
    return judge_samples(promise, target.app_targets(), scraped, kept, limits, place)


# ------------------------------------------------------------------------------------------------------------ retention


class Retention(Promise):
    """Samples are kept long enough."""

    aim_days: float = Field(gt=0, description="What the manual keeps; less is a remark.")


def judge_retention(
    promise: Retention,
    retention: str,
    longest: tuple[float, str],
    scale: float,
    place: Mapping[str, str],
    *,
    reads_remote: bool | None = False,
) -> Verdict:
    """What is kept covers the longest look back of a rule (seconds, and the rule's name).

    `reads_remote`: what is no longer kept is read from elsewhere; None where that is not known.
    """
    seconds, rule = longest
    expected = f"samples of the last {seconds:g} s, as {rule} reads them" if rule else "samples kept for some time"
    kept = _kept_seconds(retention)
    if kept is None:
        return passed(
            f"kept by size: {retention or 'no limit'}",
            where=place["where"],
            notes=["how long samples are kept depends on how many there are"],
        )
    observed = f"samples are kept for {retention}, the longest look back is {seconds:g} s{f' ({rule})' if rule else ''}"
    if kept < seconds and reads_remote is None:
        return inconclusive(expected, f"{observed}; whether older ones are read from elsewhere is not known", **place)
    if kept < seconds and not reads_remote:
        return failed(expected, observed, **place)
    aim = promise.aim_days * _DAY_SECONDS / scale
    notes = [f"samples are kept for {kept / _DAY_SECONDS:.2g} days, the manual keeps {aim / _DAY_SECONDS:.2g}"]
    return passed(observed, where=place["where"], notes=notes if kept < aim else [])


def _kept_seconds(retention: str) -> float | None:
    """Read `15d` or `15d or 50GiB`; None where only a size is given."""
    for part in retention.split(" or "):
        with contextlib.suppress(ValueError):
            found = duration_seconds(part.strip())
            if found > 0:
                return found
    return None


def longest_look_back(groups: Iterable[RuleGroup]) -> tuple[float, str]:
    """Give how far the rules look back at most, in seconds, and which one does."""
    longest, name = 0.0, ""
    for group in groups:
        for rule in group.rules:
            with contextlib.suppress(UnreadableError):
                seconds = max(map(_look_back, _places(parse(rule.query))), default=0.0)
                if seconds > longest:
                    longest, name = seconds, f"{group.name}/{rule.name}"
    return longest, name


def _places(node: Node) -> Iterator[tuple[Selector, tuple[Node, ...]]]:
    yield from ((use.selector, use.above) for use in uses(node) if not use.selector.pinned)


def _look_back(place: tuple[Selector, tuple[Node, ...]]) -> float:
    selector, above = place
    around = sum(node.range_seconds for node in above if isinstance(node, Subquery))
    return around + (selector.range_seconds or 0.0) + max(0.0, selector.offset_seconds)


@check("scraping.retention", Retention)
def test_retention(promise: Retention, target: Target) -> Verdict:
    """No rule looks further back than there are samples."""
    info = target.once("runtime info", target.prometheus_client().runtime_info)
    remote: bool | None = None
    with contextlib.suppress(CouldNotObserve):
        remote = bool(_configuration(target).get("remote_read"))
    longest = longest_look_back(target.rule_groups())
    scale = target.scope.environment.time_scale
    place = _api(target, "status/runtimeinfo")
    return judge_retention(promise, info.storage_retention, longest, scale, place, reads_remote=remote)


# --------------------------------------------------------------------------------------------------------- remote write


class RemoteWrite(Promise):
    """Remote storage gets everything in time."""

    lag: str = Field(description="How many seconds each queue is behind.")
    lost: str = Field(description="Samples that failed within `{window}`.")
    window_seconds: float = Field(gt=0)
    lag_max_seconds: float = Field(gt=0)
    second_look_seconds: float = Field(gt=0)


def judge_remote_write(
    promise: RemoteWrite, queues: int, lag: QueryResult | None, lost: QueryResult | None, place: Mapping[str, str]
) -> Verdict:
    """No queue is far behind, and none loses samples; without remote write there is nothing to be behind."""
    if not queues:
        return passed("no remote write is configured", where=place["where"])
    expected = f"each queue at most {promise.lag_max_seconds:g} s behind, without a failed sample"
    warnings = [warning for result in (lag, lost) if result is not None for warning in result.warnings]
    if lag is None or lag.empty or warnings:
        # Whether what is written arrives matters to whoever relies on it, and nobody can say.
        observed = f"{queues} remote write(s), and Prometheus has no metrics of its own to tell how they are"
        return inconclusive(expected, f"Prometheus warns: {warnings[0]}" if warnings else observed, **place)
    wrong = [
        f"{_queue(sample)} is {_age(sample.value)} behind"
        for sample in lag.samples
        if sample.value > promise.lag_max_seconds
    ]
    failing = lost.samples if lost is not None else ()
    wrong += [f"{sample.value:.0f} samples to {_queue(sample)} failed" for sample in failing if sample.value > 0]
    if wrong:
        return failed(expected, some(wrong), **place)
    worst = max(sample.value for sample in lag.samples)
    return passed(f"{queues} remote write(s), at most {worst:.0f} s behind", where=place["where"])


def _queue(sample: Sample) -> str:
    return sample.labels.get("url") or sample.labels.get("remote_name") or "remote storage"


def _age(seconds: float) -> str:
    return "since ever" if seconds > 10 * 365 * _DAY_SECONDS else f"{seconds:.0f} s"


@check("scraping.remote_write", RemoteWrite)
def test_remote_write(promise: RemoteWrite, target: Target) -> Verdict:
    """Remote storage is not left behind."""
    queues = len(_configuration(target).get("remote_write") or ())
    place = _api(target, "status/config")
    if not queues:
        return judge_remote_write(promise, 0, None, None, place)
    window = f"{max(1, round(promise.window_seconds / target.scope.environment.time_scale))}s"
    queries = [" ".join(promise.lag.split()), promise.lost.replace("{window}", window)]
    lag, lost = _ask(target, queries)
    if any(sample.value > promise.lag_max_seconds for sample in lag.samples):
        # A queue that was opened a moment ago has sent nothing yet.
        pause(min(promise.second_look_seconds, target.deadline.left_seconds / 4))
        lag, lost = _ask(target, queries)
    return judge_remote_write(promise, queues, lag, lost, place)


# ------------------------------------------------------------------------------------------------------ self-monitoring


class Watched(Promise):
    """Something is scraped, by a family that it alone has."""

    family: str


def judge_watched(promise: Watched, found: QueryResult, place: Mapping[str, str]) -> Verdict:
    """The family has a series."""
    if found.warnings:
        return inconclusive(promise.says, f"Prometheus warns: {found.warnings[0]}", **place)
    if not found.samples:
        return failed(f"a target that gives {promise.family}", "no target gives it", **place)
    jobs = sorted({sample.labels.get("job", "") for sample in found.samples})
    return passed(f"by the job {some(jobs)}", where=place["where"])


@check("scraping.watched", Watched)
def test_watched(promise: Watched, target: Target) -> Verdict:
    """The watchers are watched."""
    return judge_watched(promise, target.query(promise.family), _api(target, f"query?query={promise.family}"))


class Noticed(Promise):
    """An alert notices that something is gone."""

    family: str = Field(description="What tells its job.")
    names: str = Field(description="Metrics that tell of it: a regular expression for the whole name.")
    absent: str = Field(description="Metrics that it has itself: that they are absent, or are counted, tells of it.")
    up: str = Field(description="The metric that says whether a target answers.")


def judge_noticed(
    promise: Noticed, groups: Iterable[RuleGroup], jobs: Collection[str], place: Mapping[str, str]
) -> Verdict:
    """Some alert reads one of the metrics, or whether a target of its job (any, where it has none) is up."""
    noticing = [
        f"{group.name}/{rule.name}"
        for group in groups
        for rule in group.rules
        if rule.kind == "alerting" and any(_notices(promise, use, jobs) for use in _read(rule.query))
    ]
    if not noticing:
        observed = f"no loaded alert reads {promise.names} or {promise.up} of {some(sorted(jobs)) if jobs else 'it'}"
        return failed("an alert that notices", observed, **place)
    return passed(some(noticing), where=place["where"])


def _read(query: str) -> tuple[Use, ...]:
    try:
        return uses(parse(query))
    except UnreadableError:
        return ()


def _notices(promise: Noticed, use: Use, jobs: Collection[str]) -> bool:
    selector = use.selector
    if re.fullmatch(promise.names, selector.name):
        return True
    if re.fullmatch(promise.absent, selector.name) and any(map(_counts, use.above)):
        return True
    if selector.name != promise.up:
        return False
    wanted = [matcher for matcher in selector.matchers if matcher.label == "job"]
    return any(all(matcher.takes(job) is not False for matcher in wanted) for job in jobs) if jobs else not wanted


def _counts(node: Node) -> bool:
    """Whether an expression tells how many series there are, or that there are none."""
    match node:
        case Call(function="absent" | "absent_over_time") | Aggregate(operation="count"):
            return True
        case _:
            return False


@check("scraping.noticed", Noticed)
def test_noticed(promise: Noticed, target: Target) -> Verdict:
    """Somebody hears of it when alerts reach nobody."""
    found = target.query(promise.family)
    if found.warnings:
        return inconclusive(promise.says, f"Prometheus warns: {found.warnings[0]}", **_api(target, "rules"))
    jobs = {sample.labels.get("job", "") for sample in found.samples}
    return judge_noticed(promise, target.rule_groups(), jobs, _api(target, "rules"))
