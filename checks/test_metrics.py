"""The metrics page: its form, the families on it on every replica, and whether they move as requests are made."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from selfcheck import counting
from selfcheck.checking import check
from selfcheck.contract import Component, Promise, RouteName
from selfcheck.counting import Counting
from selfcheck.exposition import Exposition, Family, Sample, decreases
from selfcheck.families import OWN_LABEL, SUFFIXES, FamilyOf
from selfcheck.histogram import judge_histogram
from selfcheck.observation import CouldNotObserve
from selfcheck.settings import SETTING_OF
from selfcheck.values import curl, dig, shown, some
from selfcheck.verdict import Verdict, combine, failed, inconclusive, not_covered, passed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from selfcheck.replicas import Scrape, Snapshot
    from selfcheck.target import Page, Target

_HTTP_OK = 200
_SHOWN_MAX = 3


def _where(scrape: Scrape) -> str:
    return f"{scrape.answer.asked}{f' ({scrape.replica})' if scrape.replica else ''}"


def _curl(scrape: Scrape) -> str:
    return curl(scrape.answer.url, "-sSL")


def _unread(snapshot: Snapshot) -> list[Verdict]:
    """Say which processes could not be read, so that a verdict over the others is not taken for one over all."""
    return [inconclusive("every replica's metrics", f"{name} could not be read") for name in snapshot.missing]


# ------------------------------------------------------------------------------------------------------------- endpoint


class Endpoint(Promise):
    """The metrics page answers in the promised format."""

    page: RouteName
    content_type: str
    redirects_max: int = Field(ge=0)


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
        if len(answer.redirects) > promise.redirects_max:
            return failed(expected, f"{len(answer.redirects)} redirects", **place)
        try:
            text = answer.text()
        except CouldNotObserve as error:
            return failed(expected, error.came_back, **place)
        if not any(line.strip() and not line.startswith("#") for line in text.splitlines()):
            return failed(expected, f"{len(answer.body):,} bytes without a single sample", **place)
        return passed(f"{len(answer.body):,} bytes of {answer.headers['content-type']}", where=answer.asked)

    return combine(map(one, pages))


@check("metrics.endpoint", Endpoint)
def test_endpoint(promise: Endpoint, target: Target) -> Verdict:
    """The page answers in the text format."""
    troubles = target.page_troubles(promise.page)
    return judge_endpoint(promise, target.pages(promise.page) if not troubles else (), troubles)


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
    snapshot = target.last_snapshot()
    return combine([*map(judge_syntax, snapshot.scrapes.values()), *_unread(snapshot)])


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


def _wrong_values(promise: FamilyOf, samples: Iterable[Sample]) -> list[str]:
    if promise.type != "gauge":
        # The quantiles of a summary are NaN while nothing was observed.
        bad = [
            sample
            for sample in samples
            if not (math.isfinite(sample.value) and sample.value >= 0)
            and not (promise.type == "summary" and sample.name == promise.name and math.isnan(sample.value))
        ]
        return [f"{sample.key} = {sample.value:g}" for sample in bad]
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
    snapshot = target.last_snapshot(promise.component)

    def one(scrape: Scrape) -> Verdict:
        wrong = judge_family(promise, scrape.exposition)
        if wrong:
            reproduce = f"{_curl(scrape)} | grep {promise.name}"
            observed = f"{promise.name} {some(wrong)}"
            return failed(_describe(promise), observed, where=_where(scrape), reproduce=reproduce)
        family = scrape.exposition.families[promise.name]
        return passed("as promised" if family.samples else "declared, without a series yet", where=_where(scrape))

    return combine([*map(one, snapshot.scrapes.values()), *_unread(snapshot)])


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
    return combine([judge_growth(first.scrapes, last.scrapes), *_unread(last)])


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
    snapshot = target.last_snapshot()
    pages = (judge_cardinality(promise, scrape) for scrape in snapshot.scrapes.values())
    return combine([*pages, *_unread(snapshot)])


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
    snapshot = target.last_snapshot()
    pages = (judge_identifiers(promise, scrape) for scrape in snapshot.scrapes.values())
    return combine([*pages, *_unread(snapshot)])


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
    return judge_mirror(promise, pages, readings)


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
