"""The metrics page: its form, the families on it on every replica, and whether they move as requests are made."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from checks.test_health import fleet_promise
from selfcheck import counting, replicas
from selfcheck.checking import check
from selfcheck.contract import Component, Promise, RouteName
from selfcheck.counting import Counting
from selfcheck.exposition import PROCESS_STARTED, Exposition, Family, ProcessIdentity, Sample, decreases, parse
from selfcheck.families import OWN_LABEL, SUFFIXES, FamilyOf, Use
from selfcheck.histogram import judge_histogram
from selfcheck.observation import CouldNotObserve
from selfcheck.settings import SETTING_OF
from selfcheck.values import curl, dig, shown, some
from selfcheck.verdict import Outcome, Verdict, combine, failed, inconclusive, not_covered, passed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from selfcheck.clients.http import Answer
    from selfcheck.replicas import Scrape, Snapshot
    from selfcheck.target import Page, Target

_HTTP_OK = 200
_SHOWN_MAX = 3
_LOOKS_AGAIN = 3


def _where(scrape: Scrape) -> str:
    return f"{scrape.answer.asked}{f' ({scrape.replica})' if scrape.replica else ''}"


def _curl(scrape: Scrape) -> str:
    return curl(scrape.answer.url, "-sSL")


def _unread(target: Target, snapshot: Snapshot, component: Component = Component.APP) -> list[Verdict]:
    """Say which processes could not be read, so that a verdict over the others is not taken for one over all.

    Those that did not even answer when the replicas were looked for are told by a promise of their own.
    """
    expected = "every replica's metrics"
    silent = replicas.unseen(target.replicas(component))
    blocker = fleet_promise(target)
    return [
        *(inconclusive(expected, f"{name} could not be read") for name in snapshot.missing if name not in silent),
        *(inconclusive(expected, f"{name}: {why}", blocked_by=blocker) for name, why in silent.items()),
    ]


# ------------------------------------------------------------------------------------------------------------- endpoint


class Endpoint(Promise):
    """The metrics page answers in the promised format."""

    page: RouteName
    content_type: str
    redirects_max: int = Field(ge=0)
    versions: tuple[str, ...] = Field((), description="Versions that the content type may name; empty: any, or none.")


def judge_endpoint(promise: Endpoint, pages: Sequence[Page], troubles: Sequence[CouldNotObserve] = ()) -> Verdict:
    """HTTP 200, the promised content type, a charset that is UTF-8, few redirects, at least one sample."""
    expected = f"HTTP 200, {promise.content_type}, at most {promise.redirects_max} redirect(s)"
    if troubles:
        return failed(expected, troubles[0].came_back, where=troubles[0].asked)

    def one(page: Page) -> Verdict:
        answer = page.answer
        place = {"where": answer.asked, "reproduce": curl(answer.url, "-sSLi")}
        if answer.status != _HTTP_OK:
            return failed(expected, f"HTTP {answer.status}", **place)
        if answer.content_type != promise.content_type:
            return failed(expected, f"content type {answer.content_type or 'missing'}", **place)
        version = _parameters(answer.headers["content-type"]).get("version")
        wrong = ""
        if promise.versions and version is not None and version not in promise.versions:
            wrong = f"version {shown(version)} of it, not {' or '.join(promise.versions)}"
        if len(answer.redirects) > promise.redirects_max:
            wrong = f"{len(answer.redirects)} redirects"
        if wrong:
            return failed(expected, wrong, **place)
        try:
            text = answer.text()
        except CouldNotObserve as error:
            return failed(expected, error.came_back, **place)
        if not any(line.strip() and not line.startswith("#") for line in text.splitlines()):
            return failed(expected, f"{len(answer.body):,} bytes without a single sample", **place)
        return passed(f"{len(answer.body):,} bytes of {answer.headers['content-type']}", where=answer.asked)

    return combine(map(one, pages))


def _parameters(content_type: str) -> dict[str, str]:
    """Give the parameters of a content type by their names in lower case."""
    parts = (part.partition("=") for part in content_type.split(";")[1:])
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in parts}


@check("metrics.endpoint", Endpoint)
def test_endpoint(promise: Endpoint, target: Target) -> Verdict:
    """The page answers in the text format."""
    troubles = target.page_troubles(promise.page)
    return judge_endpoint(promise, target.pages(promise.page) if not troubles else (), troubles)


class Packed(Promise):
    """The metrics page can be read by those who ask for it packed, as Prometheus does."""

    page: RouteName
    accepts: str = Field(description="The Accept-Encoding that Prometheus sends.")


def judge_packed(promise: Packed, answers: Sequence[Answer | CouldNotObserve]) -> Verdict:
    """Each answer, unpacked or sent as it is, is a page with samples."""
    expected = f"a page with samples for {promise.accepts}"

    def one(answer: Answer | CouldNotObserve) -> Verdict:
        if isinstance(answer, CouldNotObserve):
            return failed(expected, answer.came_back, where=answer.asked)
        place = {"where": answer.asked, "reproduce": curl(answer.url, f"-sSL -H 'Accept-Encoding: {promise.accepts}'")}
        exposition = parse(answer.body.decode("utf-8", errors="replace"))
        if answer.status != _HTTP_OK or not exposition.samples_count:
            return failed(expected, f"HTTP {answer.status} with {exposition.samples_count} samples", **place)
        coding = answer.headers.get("content-encoding", "not packed")
        return passed(f"{exposition.samples_count} samples, {coding}", where=place["where"])

    return combine(map(one, answers))


@check("metrics.packed", Packed)
def test_packed(promise: Packed, target: Target) -> Verdict:
    """What Prometheus asks for can be unpacked, of each replica."""
    found = target.replicas()
    asked = target.platform.page_request(promise.page)
    packed = replace(asked, headers={**asked.headers, "Accept-Encoding": promise.accepts})
    urls = list(found.urls.values()) if found.direct else [asked.url]
    return judge_packed(promise, target.platform.ask_each([replace(packed, url=url) for url in urls]))


# --------------------------------------------------------------------------------------------------------------- syntax


class Syntax(Promise):
    """The page is well-formed."""


def judge_syntax(scrape: Scrape) -> Verdict:
    """The strict reader finds no problem, and some samples."""
    exposition = scrape.exposition
    place = {"where": _where(scrape), "reproduce": f"{_curl(scrape)} | promtool check metrics"}
    if exposition.problems:
        total = exposition.problems_count
        return failed(
            "no fault in the text format",
            f"{total} fault(s): {some([str(p) for p in exposition.problems])}",
            **place,
        )
    if not exposition.samples_count:
        return failed("samples", "the page has none", **place)
    return passed(f"{exposition.samples_count} samples in {len(exposition.families)} families", where=place["where"])


@check("metrics.syntax", Syntax)
def test_syntax(promise: Syntax, target: Target) -> Verdict:  # noqa: ARG001 - nothing in this promise can be varied
    """Every replica's page is well-formed."""
    last = target.last_snapshot()
    return combine([*map(judge_syntax, last.scrapes.values()), *_unread(target, last)])


# ------------------------------------------------------------------------------------------------------------- families


def judge_family(promise: FamilyOf, exposition: Exposition) -> list[str]:
    """Say in which ways the family on one page is not what was promised."""
    family = exposition.families.get(promise.name)
    if family is None:
        bare = [found for found in exposition.families if found.lower() == promise.name.lower()]
        return [f"is missing{f'; there is {bare[0]}' if bare else ''}"]
    if family.type != promise.type:
        return [f"is a {family.type}, not a {promise.type}"]
    samples = _values(promise, family)
    if not samples:
        return ["has no value"] if promise.always else []
    return [
        *_wrong_labels(promise, samples),
        *_wrong_values(promise, samples),
        *_too_many(promise, samples),
        *_wrong_histogram(promise, family),
    ]


def judge_use(promise: FamilyOf, scrapes: Sequence[Scrape]) -> Verdict:
    """Where what goes with its use is counted, the family has a value, too.

    Where it has one on other replicas, it is missing here; where it has none anywhere, this deployment may put it to
    another use than the contract thinks: INCONCLUSIVE.
    """
    if promise.used_with is None:
        return passed("its use shows in nothing else")
    empty, filled = [], []
    for scrape in scrapes:
        family = scrape.exposition.families.get(promise.name)
        if family is not None and _values(promise, family):
            filled.append(scrape)
        elif family is not None and _was_used(promise.used_with, scrape.exposition):
            empty.append(scrape)
    use = f"{promise.used_with.sample}{_braces(promise.used_with.labels)}"
    if not empty:
        return passed("as promised", where=_where(scrapes[0]) if scrapes else "")
    expected = f"a value of {promise.name} where there is {use}"
    place = {"where": _where(empty[0]), "reproduce": f"{_curl(empty[0])} | grep {promise.name}"}
    observed = f"{promise.name} has no value"
    if not filled:
        return inconclusive(expected, f"{observed} on any replica", **place)
    if promise.used_with.everywhere:
        return failed(expected, f"{observed} here, and has one on {len(filled)} other replica(s)", **place)
    return passed("as promised", where=place["where"])


def _was_used(use: Use, exposition: Exposition) -> bool:
    return any(
        sample.value > 0 and set(use.labels.items()) <= set(sample.labels.items())
        for sample in exposition.series(use.sample)
    )


def _braces(labels: Mapping[str, str]) -> str:
    return "{" + ", ".join(f'{name}="{value}"' for name, value in labels.items()) + "}" if labels else ""


def _values(promise: FamilyOf, family: Family) -> list[Sample]:
    wanted = {promise.name + suffix for suffix in SUFFIXES.get(promise.type, ("",))}
    return [sample for sample in family.samples if sample.name in wanted]


def _wrong_labels(promise: FamilyOf, samples: Iterable[Sample]) -> list[str]:
    found: dict[str, None] = {}
    own = OWN_LABEL.get(promise.type, "")
    for sample in samples:
        labels = {name: value for name, value in sample.labels.items() if name != own}
        if set(labels) != set(promise.labels):
            found[f"has the labels {_names(labels)}, not {_names(promise.labels)}"] = None
            continue
        for name, value in labels.items():
            allowed = promise.labels[name]
            inside = re.fullmatch(allowed, value) if isinstance(allowed, str) else value in allowed
            if not inside:
                known = allowed if isinstance(allowed, str) else ", ".join(allowed)
                found[f"has {name}={shown(value)}, which is not of: {known}"] = None
    return list(found)


def _names(labels: Iterable[str]) -> str:
    return "{" + ", ".join(sorted(labels)) + "}"


def _wrong_values(promise: FamilyOf, samples: Sequence[Sample]) -> list[str]:
    if promise.type != "gauge":
        # The quantiles of a summary are NaN while nothing was observed.
        bad = [
            sample
            for sample in samples
            if not (math.isfinite(sample.value) and sample.value >= 0)
            and not (promise.type == "summary" and sample.name == promise.name and math.isnan(sample.value))
        ]
        parts = [sample for sample in samples if promise.type == "counter" and promise.events and sample.value % 1]
        return [
            *(f"{sample.key} = {sample.value:g}" for sample in bad),
            *(f"{sample.key} = {sample.value:g}, which is no count of events" for sample in parts if sample not in bad),
        ]
    return [f"{sample.key} {breach}" for sample in samples if (breach := promise.domain.breaks(sample.value))]


def _too_many(promise: FamilyOf, samples: Iterable[Sample]) -> list[str]:
    own = OWN_LABEL.get(promise.type, "")
    series = {tuple((n, v) for n, v in sample.label_set if n != own) for sample in samples}
    return [f"has {len(series)} label sets, more than {promise.series_max}"] if len(series) > promise.series_max else []


def _wrong_histogram(promise: FamilyOf, family: Family) -> list[str]:
    if promise.type != "histogram":
        return []
    found = [str(problem) for problem in judge_histogram(family)]
    counts = sum(sample.value for sample in family.samples if sample.name == f"{promise.name}_count")
    total = sum(sample.value for sample in family.samples if sample.name == f"{promise.name}_sum")
    if promise.mean_max is not None and counts > 0 and total / counts > promise.mean_max:
        found.append(f"has a mean of {total / counts:g}, above {promise.mean_max:g}: is it in the promised unit?")
    return found


def _describe(promise: FamilyOf) -> str:
    labels = ", ".join(sorted(promise.labels))
    domain = promise.domain.describe()
    values = f", values {domain}" if domain != "anything" else ""
    return f"{promise.type} {promise.name}{{{labels}}}{values}, at most {promise.series_max} label sets"


@check("metrics.family", FamilyOf)
def test_family(promise: FamilyOf, target: Target) -> Verdict:
    """The family is on every replica's page, as promised."""
    last = target.last_snapshot(promise.component)

    def one(scrape: Scrape) -> Verdict:
        wrong = judge_family(promise, scrape.exposition)
        if wrong:
            reproduce = f"{_curl(scrape)} | grep {promise.name}"
            observed = f"{promise.name} {some(wrong)}"
            return failed(_describe(promise), observed, where=_where(scrape), reproduce=reproduce)
        family = scrape.exposition.families[promise.name]
        return passed("as promised" if family.samples else "declared, without a series yet", where=_where(scrape))

    scrapes = last.scrapes.values()
    unread = _unread(target, last, promise.component)
    return combine([*map(one, scrapes), judge_use(promise, list(scrapes)), *unread])


# ------------------------------------------------------------------------------------------------ times, shape of pages


class Times(Promise):
    """Each moment that the page tells is one: in Unix seconds, and not in the future."""

    created: bool = Field(description="Counters tell when they were created, where the process tells its own start.")
    stale_after_seconds: float = Field(gt=0, description="Of a sample that says itself from when it is.")


_SINCE_SECONDS = 1e9  # no process of today was started before 2001: an earlier moment is in another unit, or none
_CREATED = "_created"


def judge_times(promise: Times, scrape: Scrape, tolerance_seconds: float) -> Verdict:
    """The start of the process, of its counters, and the timestamps of samples lie before now, and not in ages past.

    Counters older than their process are no breach: workers inherit them from the process that they were forked from.
    """
    now = scrape.answer.asked_at + scrape.answer.elapsed_seconds
    page = scrape.exposition
    place = {"where": _where(scrape), "reproduce": _curl(scrape)}
    expected = "moments in Unix seconds, none in the future"
    started = page.value(PROCESS_STARTED)
    told = [] if started is None else [(PROCESS_STARTED, started)]
    told += [(str(sample.key), sample.value) for sample in _created(page)]
    wrong = [
        f"{name} = {value:.0f}, {'which is no Unix time' if not value >= _SINCE_SECONDS else _ahead(value - now)}"
        for name, value in told
        if not _SINCE_SECONDS <= value <= now + tolerance_seconds
    ]
    stamped = [s for family in page.families.values() for s in family.samples if s.timestamp_ms is not None]
    wrong += [
        f"{sample.key} says that it is {'of the future' if age < 0 else f'{age:.0f} s old'}"
        for sample in stamped
        if not -tolerance_seconds <= (age := now - (sample.timestamp_ms or 0) / 1000) <= promise.stale_after_seconds
    ]
    if wrong:
        return failed(expected, some(wrong), **place)
    counters = any(family.type == "counter" and family.samples for family in page.families.values())
    if promise.created and started is not None and counters and len(told) == 1:
        return failed("counters that tell when they were created", f"not one {_CREATED} sample", **place)
    if not told and not stamped:
        return not_covered("the page tells no moment", "nothing to do with workers that share a page")
    return passed(f"{len(told) + len(stamped)} moments", where=place["where"])


def _ahead(seconds: float) -> str:
    return f"{seconds:.0f} s in the future"


def _created(page: Exposition) -> list[Sample]:
    """Give the samples that tell when a counter or histogram was created."""
    counting_types = ("counter", "histogram", "summary")
    return [
        sample
        for family in page.families.values()
        if family.name.endswith(_CREATED)
        for base in (family.name.removesuffix(_CREATED),)
        if any(
            found is not None and found.type in counting_types
            for found in (page.families.get(base), page.families.get(f"{base}_total"))
        )
        for sample in family.samples
    ]


def judge_starts(identities: Iterable[tuple[float, ProcessIdentity | None]]) -> Verdict:
    """Tell whether a process says at each reading that it was started just then: (when it was read, what it said).

    It is one process where its first counter is the same, and older. Workers that were forked from one process have
    its counters, too, but not each of them is as old as its reading.
    """
    by_counter: dict[float, dict[float, float]] = {}
    for read_at, process in identities:
        if process is not None and process.first_created_at is not None and process.started_at is not None:
            by_counter.setdefault(process.first_created_at, {})[process.started_at] = read_at
    for created_at, starts in by_counter.items():
        if len(starts) > 1 and all(
            abs(read_at - started) < _JUST_NOW_SECONDS and read_at - created_at > 3 * _JUST_NOW_SECONDS
            for started, read_at in starts.items()
        ):
            observed = f"{len(starts)} readings, each of a process that was started just then; its counters are older"
            return failed("one start of a process", observed)
    return passed("the start of each process stays")


_JUST_NOW_SECONDS = 2.0


@check("metrics.times", Times)
def test_times(promise: Times, target: Target) -> Verdict:
    """No replica tells a moment that cannot be."""
    last = target.last_snapshot()
    tolerance = target.contract.platform.limits.clock_tolerance_seconds
    found = target.replicas()
    read = [*found.scrapes.values(), *found.behind, *last.scrapes.values()]
    starts = judge_starts((scrape.answer.asked_at, scrape.identity) for scrape in read)
    if read:
        starts = replace(starts, where=_where(read[0]), reproduce=f"{_curl(read[0])} | grep {PROCESS_STARTED}")
    pages = [judge_times(promise, scrape, tolerance) for scrape in last.scrapes.values()]
    return combine([starts, *pages, *_unread(target, last)])


class Shape(Promise):
    """The pages of all replicas are made in one way, so that what is summed over them means something."""

    versions: str = Field(description="Names of the families whose labels tell what is running; a regular expression.")


def judge_shape(promise: Shape, scrapes: Sequence[Scrape]) -> Verdict:
    """Each histogram has the same bounds, spelt alike, on each replica; which families and versions there are, too.

    Several versions (a rollout, a canary) may explain all of it: then it is INCONCLUSIVE. A family with labels may come
    with its first use. What is another on each replica is a name.
    """
    if len(scrapes) < 2:
        return not_covered("there is one page only", "repeat where the replicas can be asked one by one")
    place = {"where": f"{_where(scrapes[0])} and the other replicas", "reproduce": _curl(scrapes[0])}
    expected = "the same bounds and families on each replica, of one version"
    versions = _odd({scrape.replica: _versions(promise, scrape.exposition) for scrape in scrapes})
    wrong = []
    bounds = [_bounds(scrape.exposition) for scrape in scrapes]
    for name in dict.fromkeys(name for page in bounds for name in page):
        have = {scrape.replica: page[name] for scrape, page in zip(scrapes, bounds, strict=True) if name in page}
        first = next(iter(have.values()))
        other = next((who for who, found in have.items() if found != first), None)
        if other is not None:
            unlike = sorted(have[other] ^ first)
            wrong.append(f"{name} of {other} has other bounds than elsewhere: le={', '.join(unlike[:4])}")
    every = dict.fromkeys(name for scrape in scrapes for name in scrape.exposition.families)
    families = []
    for name in every:
        having = [found for scrape in scrapes if (found := scrape.exposition.families.get(name)) is not None]
        if len(having) < len(scrapes) and not any(map(_comes_with_use, having)):
            families.append(f"{name} is on {len(having)} of {len(scrapes)} pages")
    if wrong and not versions:
        return failed(expected, some(wrong + families), **place)
    unclear = [*wrong, *versions, *families]
    if unclear:
        return inconclusive(expected, some(unclear), **place)
    return passed(f"{len(scrapes)} pages alike", where=place["where"])


def _comes_with_use(family: Family) -> bool:
    """Tell whether a family may be absent before its first use: one with labels, or the moments of such a one."""
    own = OWN_LABEL.get(family.type, "")
    return family.name.endswith(_CREATED) or any(set(sample.label_names) - {own} for sample in family.samples)


def _bounds(page: Exposition) -> dict[str, frozenset[str]]:
    """Give the bounds of each histogram that has series, as they are spelt: to many readers `2` is not `2.0`."""
    found = {
        family.name: frozenset(
            sample.labels.get("le", "") for sample in family.samples if sample.name == f"{family.name}_bucket"
        )
        for family in page.families.values()
        if family.type == "histogram"
    }
    return {name: bounds for name, bounds in found.items() if bounds}


def _versions(promise: Shape, page: Exposition) -> dict[str, str]:
    """Give what the page says of versions: the labels of each family by its name and theirs."""
    return {
        f"{family.name}{{{label}}}": value
        for family in page.families.values()
        if re.fullmatch(promise.versions, family.name)
        for sample in family.samples[:1]
        for label, value in sample.labels.items()
    }


def _odd(said: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Say what some replicas say alike, and others not; what each says for itself tells nothing."""
    found = []
    for name in dict.fromkeys(name for each in said.values() for name in each):
        values = [each.get(name, "missing") for each in said.values()]
        if 1 < len(set(values)) < len(values):
            found.append(f"{name}: {' and '.join(dict.fromkeys(values))}")
    return found


@check("metrics.shape", Shape)
def test_shape(promise: Shape, target: Target) -> Verdict:
    """The replicas' pages can be added up."""
    last = target.last_snapshot()
    return combine([judge_shape(promise, list(last.scrapes.values())), *_unread(target, last)])


# ------------------------------------------------------------------------------------------------- growth, size, mirror


class Growth(Promise):
    """Counters only grow."""


def judge_growth(before: Mapping[str, Scrape], after: Mapping[str, Scrape]) -> Verdict:
    """Between two readings of one process no counter, bucket, count or sum goes down or vanishes."""
    verdicts = []
    for name in before.keys() & after.keys():
        old, new = before[name], after[name]
        place = {"where": _where(new), "reproduce": _curl(new)}
        if old.identity is None or old.identity != new.identity:
            verdicts.append(
                inconclusive("two readings of one process", f"{name or 'it'} was restarted or cannot be told", **place)
            )
            continue
        down = [
            f"{c.key} from {c.before.value:g} to {c.after.value:g}" for c in decreases(old.exposition, new.exposition)
        ]
        gone = [
            f"{sample.key} vanished"
            for family in old.exposition.families.values()
            if family.type in ("counter", "histogram")
            for sample in family.samples
            if new.exposition.value(sample.name, sample.labels) is None
        ]
        if down or gone:
            verdicts.append(failed("counters that only grow", some(down + gone), **place))
        else:
            verdicts.append(passed("no counter went down", where=place["where"]))
    return combine(verdicts)


@check("metrics.growth", Growth)
def test_growth(promise: Growth, target: Target) -> Verdict:  # noqa: ARG001 - nothing in this promise can be varied
    """No counter goes down between the first and the last reading of the run."""
    first = target.replicas()
    last = target.last_snapshot()
    return combine([judge_growth(first.scrapes, last.scrapes), *_unread(target, last)])


class Cardinality(Promise):
    """The whole page is not too large."""

    series_max: int = Field(ge=1)


def judge_cardinality(promise: Cardinality, scrape: Scrape) -> Verdict:
    """The page has at most so many series; the largest families are named."""
    count = scrape.exposition.samples_count
    if count > promise.series_max:
        largest = sorted(scrape.exposition.families.values(), key=lambda family: len(family.samples), reverse=True)
        names = ", ".join(f"{family.name} {len(family.samples):,}" for family in largest[:_SHOWN_MAX])
        observed = f"{count:,} series; the largest families: {names}"
        return failed(f"at most {promise.series_max:,} series", observed, where=_where(scrape), reproduce=_curl(scrape))
    return passed(f"{count:,} series", where=_where(scrape))


@check("metrics.cardinality", Cardinality)
def test_cardinality(promise: Cardinality, target: Target) -> Verdict:
    """The page of every replica can be scraped."""
    last = target.last_snapshot()
    pages = (judge_cardinality(promise, scrape) for scrape in last.scrapes.values())
    return combine([*pages, *_unread(target, last)])


class Identifiers(Promise):
    """No label has a new value with each request."""

    pattern: str = Field(description="What a value looks like that is made up once: an id, a hash, a moment.")
    values_max: int = Field(ge=1, description="More such values of one label are no names of a few things.")


def judge_identifiers(promise: Identifiers, scrape: Scrape) -> Verdict:
    """No label of a family has more than so many values that look like identifiers; one value is shown."""
    place = {"where": _where(scrape), "reproduce": _curl(scrape)}
    expected = f"at most {promise.values_max} values of a label that look like identifiers"
    quoted = re.compile(f'"{promise.pattern}"')
    for family in scrape.exposition.families.values():
        values: dict[str, set[str]] = {}
        for sample in family.samples:
            if not quoted.search(sample.raw_labels):
                continue  # a large page is not taken apart for nothing
            for name, value in sample.labels.items():
                if name not in OWN_LABEL.values() and re.fullmatch(promise.pattern, value):
                    values.setdefault(name, set()).add(value)
        for name, found in values.items():
            if len(found) > promise.values_max:
                observed = f"{family.name}: {len(found)} of {name}, such as {shown(min(found))}"
                return failed(expected, observed, **place)
    return passed("no label grows with the requests", where=place["where"])


@check("metrics.identifiers", Identifiers)
def test_identifiers(promise: Identifiers, target: Target) -> Verdict:
    """After all requests of the run, no replica's page has a label with a value for each of them."""
    last = target.last_snapshot()
    pages = (judge_identifiers(promise, scrape) for scrape in last.scrapes.values())
    return combine([*pages, *_unread(target, last)])


class Mirror(Promise):
    """A figure stands on a page and in a sample, and both agree."""

    page: RouteName
    path: str
    sample: str
    holds: Literal["=", "<="] = Field("=", description="How the sample relates to the entry of the page.")
    tolerance: float = Field(0.0, ge=0)


def judge_mirror(promise: Mirror, pages: Sequence[Page], readings: Sequence[Mapping[str, Scrape]]) -> Verdict:
    """Compare page and sample of the same replica; where replicas cannot be told apart, any of them will do.

    `readings` are scrapes from before and after the page was read: a figure that moves may have either value, or, of
    the same replica, one in between. A bound (`<=`) holds in every one of them.
    """
    verdicts = []
    for page in pages:
        value = dig(page.answer.json(), promise.path)
        candidates = [
            scrape
            for scrapes in readings
            for scrape in ([scrapes[page.who]] if page.who in scrapes else scrapes.values())
        ]
        found = [sample for scrape in candidates if (sample := scrape.exposition.value(promise.sample)) is not None]
        place = {"where": f"{page.answer.asked} and {_where(candidates[0])}" if candidates else page.answer.asked}
        expected = f"{promise.sample} {promise.holds} {promise.path}"
        enough = all if promise.holds == "<=" else any
        if isinstance(value, bool) or not isinstance(value, int | float):
            verdicts.append(inconclusive(expected, f"{promise.path} has no value that is a number", **place))
        elif not found:
            verdicts.append(inconclusive(expected, f"{promise.sample} has no value", **place))
        elif enough(_agrees(promise, sample, value) for sample in found) or (
            promise.holds == "=" and all(page.who in each for each in readings) and min(found) <= value <= max(found)
        ):
            verdicts.append(passed(f"{promise.path} = {value:g}, {promise.sample} = {found[0]:g}", **place))
        else:
            observed = f"{promise.path} = {value:g}, {promise.sample} = {', '.join(f'{sample:g}' for sample in found)}"
            verdicts.append(failed(expected, observed, reproduce=curl(page.answer.url), **place))
    return combine(verdicts)


def _agrees(promise: Mirror, sample: float, value: float) -> bool:
    return sample <= value if promise.holds == "<=" else abs(sample - value) <= promise.tolerance


@check("metrics.mirror", Mirror)
def test_mirror(promise: Mirror, target: Target) -> Verdict:
    """Page and metric say the same."""
    component = Component.CLASSIFIER if Component.CLASSIFIER in promise.requires else Component.APP
    pages = target.pages(promise.page)
    readings = [target.replicas(component).scrapes, target.last_snapshot(component).scrapes]
    verdict = judge_mirror(promise, pages, readings)
    for _ in range(_LOOKS_AGAIN):
        # Requests of others move such a figure between two looks: what is wrong is wrong in each of several short ones.
        if verdict.outcome is not Outcome.FAIL:
            break
        found = target.replicas(component)
        names = (promise.sample,)
        before = replicas.snapshot(target.platform, target.contract, found, component=component, families=names)
        again = target.pages_again(promise.page, {page.who: None for page in pages}, 1)
        after = replicas.snapshot(target.platform, target.contract, found, component=component, families=names)
        verdict = judge_mirror(promise, again, [before.scrapes, after.scrapes])
    return verdict


# ------------------------------------------------------------------------------------------------------------- counting


_CREDENTIALS = {"api_key": Component.API_KEY, "admin_token": Component.ADMIN_TOKEN}


@check("metrics.counting", Counting)
def test_counting(promise: Counting, target: Target) -> Verdict:
    """Requests move exactly the promised series, by exactly their number."""
    act = target.contract.act(promise.act)
    evidence = target.counted_all().get(promise.id)
    if evidence is None:
        return not_covered("left out of this run's counting", "run the whole area")
    route = target.contract.route(act.route)
    credential = _CREDENTIALS.get(route.key)
    if credential is not None and not target.scope.covers(credential) and counting.refused(evidence):
        return not_covered(
            f"{route.path} takes a credential that this run was not given", f"set {SETTING_OF[credential]}"
        )
    where = f"{route.path} and the metrics of every replica"
    return counting.judge(promise, act, evidence, where=where, reproduce=target.platform.curl(act))
