"""The recognition providers: what their page says, whether that is true, and how operators reset their breakers."""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from pydantic import Field

from selfcheck.answering import breach
from selfcheck.checking import check
from selfcheck.clients.platform import Sending
from selfcheck.contract import ActName, Model, Promise, Right, RouteName
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.replicas import snapshot
from selfcheck.target import Page
from selfcheck.values import Missing, dig, json_type, shown, some
from selfcheck.verdict import Outcome, Verdict, combine, failed, inconclusive, not_covered, passed
from selfcheck.waiting import pause

if TYPE_CHECKING:
    from selfcheck.clients.http import Answer
    from selfcheck.contract import Act
    from selfcheck.replicas import Snapshot
    from selfcheck.target import Target

_HTTP_OK = 200
_HTTP_REFUSED = 400
_RATE_LIMITED = 429
_NO_ROUTE = (404, 405)
_NO_CREDENTIALS = (401, 403)
_REPLICAS_MAX = 5
_PROVIDERS_MAX = 6
_ASKS_IN_DOUBT = 2
_PROVIDER = "{provider}"


class Form(Model):
    """How the page of the providers is written: names of its fields, and of those of each entry."""

    status: str
    total: str
    ready: str
    entries: str
    domain: str
    provider: str
    entry_ready: str
    error: str


class OfProviders(Promise):
    """What all promises of this area share; `lag_seconds` is how far a page or a metric may be behind the truth."""

    page: RouteName
    form: Form
    aliases: Mapping[str, str] = Field(description="Other names that clients may use for a provider.")
    lag_seconds: float = Field(ge=0)

    def canonical(self, name: str) -> str:
        """Give the name under which a provider is known."""
        return self.aliases.get(name.lower(), name.lower())


@dataclass(frozen=True, slots=True)
class Entry:
    """One provider on the page."""

    domain: str
    provider: str
    ready: bool


def entries(form: Form, page: Page) -> tuple[Entry, ...]:
    """Read the well-formed entries of the page; raises CouldNotObserve when it is not the page of the providers."""
    answer = page.answer
    if answer.status in _NO_ROUTE:
        raise _no_such_route(answer.asked)
    if answer.status != _HTTP_OK:
        raise answer.unusable(Trouble.UNEXPECTED_ANSWER, f"it answered HTTP {answer.status}")
    found = dig(answer.json(), form.entries)
    if not isinstance(found, list):
        raise answer.unusable(Trouble.UNEXPECTED_ANSWER, f"{form.entries} is {shown(found)}, not a list of providers")
    read = []
    for entry in found:
        domain, provider, ready = (dig(entry, path) for path in (form.domain, form.provider, form.entry_ready))
        if isinstance(domain, str) and isinstance(provider, str) and isinstance(ready, bool):
            read.append(Entry(domain.lower(), provider.lower(), ready))
    return tuple(read)


def _no_such_route(asked: str) -> CouldNotObserve:
    return CouldNotObserve(
        Trouble.NO_SUCH_ROUTE,
        asked=asked,
        came_back="this platform does not know the path",
        hint="put the deployment's own path of that route into the contract's api.toml",
    )


def _where(page: Page) -> str:
    return f"{page.answer.asked}{f' (replica {page.who})' if page.who else ''}"


def _bases(target: Target) -> dict[str, str | None]:
    """Give where to ask: replica by replica where that is possible, else the load balancer."""
    bases: dict[str, str | None] = dict(islice(target.trusted_bases().items(), _REPLICAS_MAX))
    return bases if len(bases) > 1 else {"": None}


def _read_pages(promise: OfProviders, target: Target) -> tuple[tuple[Page, ...], tuple[CouldNotObserve, ...]]:
    """Ask for the page through the load balancer, and of each replica."""

    def look() -> tuple[tuple[Page, ...], tuple[CouldNotObserve, ...]]:
        bases = _bases(target)
        asks = 1 if len(bases) > 1 else target.contract.platform.limits.page_asks - 1
        asked = [*bases.items(), *[("", None)] * asks]
        answers = target.platform.get_all([(promise.page, base) for _, base in asked])
        pages = [(who, got) for (who, _), got in zip(asked, answers, strict=True)]
        return (
            tuple(Page(who, got) for who, got in pages if not isinstance(got, CouldNotObserve)),
            tuple(got for _, got in pages if isinstance(got, CouldNotObserve)),
        )

    return target.once(("providers", promise.page), look)


def _pages(promise: OfProviders, target: Target) -> tuple[Page, ...]:
    """Give the answers of the page; raises CouldNotObserve when there is none."""
    pages, troubles = _read_pages(promise, target)
    if not pages:
        raise troubles[0]
    return pages


def _page_curl(promise: OfProviders, target: Target) -> str:
    route = target.contract.route(promise.page)
    header = target.contract.platform.api_key_header
    return f'curl -sS -H "{header}: $API_KEY" {target.platform.base().rstrip("/")}{route.path}'


# ----------------------------------------------------------------------------------------------------------- the page


class Written(OfProviders):
    """The page is complete, and its status and numbers are those of its entries."""

    well: tuple[str, ...] = Field((), description="Words of a status, in lower case, that say that all is well.")


def judge_written(
    promise: Written, pages: Sequence[Page], troubles: Sequence[CouldNotObserve] = (), *, reproduce: str
) -> Verdict:
    """Every answer is 200 with a status, both counts, and entries of which each has what it must have, once."""
    expected = "HTTP 200 with a status, the number of entries and of ready ones, and each provider once, well described"
    if troubles and pages:
        observed = f"{len(troubles)} of {len(troubles) + len(pages)} asks got no answer: {troubles[0].came_back}"
        return failed("an answer every time", observed, where=troubles[0].asked, reproduce=reproduce)

    def one(page: Page) -> Verdict:
        place = {"where": _where(page), "reproduce": reproduce}
        status = page.answer.status
        if status in _NO_ROUTE:
            raise _no_such_route(page.answer.asked)
        if status == _RATE_LIMITED:
            return inconclusive(expected, "HTTP 429: too many requests of late", **place)
        if status != _HTTP_OK:
            return failed(expected, f"HTTP {status}", **place)
        try:
            body = page.answer.json(allow_nan=False)
            wrong = _miswritten(promise.form, body) or _too_well(promise, body)
        except CouldNotObserve as error:
            wrong = [error.came_back]
        if wrong:
            return failed(expected, some(wrong), **place)
        listed = entries(promise.form, page)
        waiting = ", ".join(f"{entry.domain} {entry.provider}" for entry in listed if not entry.ready)
        notes = [f"not ready: {waiting}"] if waiting else []
        return passed(f"{len(listed)} providers on {len(pages)} answers", where=_where(page), notes=notes)

    return combine(map(one, pages))


def _miswritten(form: Form, body: object) -> list[str]:
    """Say what is wrong with the page."""
    listed = dig(body, form.entries)
    if not isinstance(listed, list):
        return [f"{form.entries} is {json_type(listed) if not isinstance(listed, Missing) else 'missing'}"]
    wrong = []
    status = dig(body, form.status)
    if not isinstance(status, str) or not status.strip():
        wrong.append(f"{form.status} is {shown(status)}")
    ready = sum(dig(entry, form.entry_ready) is True for entry in listed)
    for path, true in ((form.total, len(listed)), (form.ready, ready)):
        said = dig(body, path)
        if json_type(said) != "integer" or isinstance(said, Missing) or said != true:
            wrong.append(f"{path} is {shown(said)}, and {form.entries} has {true}")
    for number, entry in enumerate(listed):
        wrong += [f"{form.entries}.{number}.{breach}" for breach in _misdescribed(form, entry)]
    names = Counter((str(dig(entry, form.domain)).lower(), str(dig(entry, form.provider)).lower()) for entry in listed)
    wrong += [
        f"{domain} {provider} is listed {often} times" for (domain, provider), often in names.items() if often > 1
    ]
    return wrong


def _too_well(promise: Written, body: object) -> list[str]:
    """Say that the status of a well-formed page is that of one on which a provider is ready, where none is."""
    status, listed = dig(body, promise.form.status), dig(body, promise.form.entries)
    if str(status).lower() not in promise.well or not isinstance(listed, list) or not listed:
        return []
    ready = any(dig(entry, promise.form.entry_ready) is True for entry in listed)
    return [] if ready else [f"{promise.form.status} is {shown(status)} though none of {len(listed)} is ready"]


def _misdescribed(form: Form, entry: object) -> list[str]:
    wrong = []
    for path in (form.domain, form.provider):
        value = dig(entry, path)
        if not isinstance(value, str) or not value.strip():
            wrong.append(f"{path} is {shown(value)}")
    ready, error = dig(entry, form.entry_ready), dig(entry, form.error)
    said = not isinstance(error, Missing) and error not in (None, "", False, {}, [])
    if not isinstance(ready, bool):
        wrong.append(f"{form.entry_ready} is {shown(ready)}")
    elif ready and said:
        wrong.append(f"{form.error} is {shown(error)} though it is ready")
    elif not ready and not said:
        wrong.append(f"{form.error} is {shown(error)} though it is not ready")
    return wrong


@check("providers.written", Written)
def test_written(promise: Written, target: Target) -> Verdict:
    """The page is complete and adds up, every time."""
    pages, troubles = _read_pages(promise, target)
    lost = [trouble for trouble in troubles if trouble.trouble in (Trouble.DEADLINE, Trouble.BUDGET)]
    if lost or not pages:
        raise (lost or troubles)[0]
    return judge_written(promise, pages, troubles, reproduce=_page_curl(promise, target))


class Everywhere(OfProviders):
    """Everyone lists the same providers, and the same ones as ready."""


def judge_everywhere(promise: Everywhere, pages: Sequence[Page], *, reproduce: str) -> Verdict:
    """All answers list the same providers in the same domains.

    One that is ready on some replicas only may be loading there, or be away from there: that it is as the page says is
    tried by requests, and whether it should be so cannot be told from the page.
    """
    first = {(entry.domain, entry.provider) for entry in entries(promise.form, pages[0])}
    if len(pages) < 2:
        return inconclusive("the same providers from everyone", "only one answer came", where=_where(pages[0]))
    for page in pages[1:]:
        differing = first ^ {(entry.domain, entry.provider) for entry in entries(promise.form, page)}
        if differing:
            names = some([f"{domain} {provider}" for domain, provider in sorted(differing)])
            where = f"{_where(pages[0])} and {_where(page)}"
            return failed(
                "the same providers from everyone", f"only one lists {names}", where=where, reproduce=reproduce
            )
    ready: list[set[Entry]] = [{entry for entry in entries(promise.form, page) if entry.ready} for page in pages]
    if torn := set[Entry]().union(*ready) - ready[0].intersection(*ready[1:]):
        names = some([f"{entry.domain} {entry.provider}" for entry in sorted(torn, key=str)])
        with_it = next(page for page, there in zip(pages, ready, strict=True) if torn & there)
        without = next(page for page, there in zip(pages, ready, strict=True) if torn - there)
        return inconclusive(
            "the same ready providers from everyone",
            f"{names}: ready on some answers, not on others",
            where=f"{_where(with_it)} and {_where(without)}",
            reproduce=reproduce,
            remedy="look at the error that the other answer gives; repeat when no replica is starting",
        )
    return passed(f"{len(pages)} answers list the same {len(first)} providers", where=_where(pages[0]))


@check("providers.everywhere", Everywhere)
def test_everywhere(promise: Everywhere, target: Target) -> Verdict:
    """Several asks and every replica list the same providers; what differs is asked for once more, after the lag."""
    reproduce = _page_curl(promise, target)
    verdict = judge_everywhere(promise, _pages(promise, target), reproduce=reproduce)
    bases = _bases(target)
    if verdict.outcome is not Outcome.INCONCLUSIVE or len(bases) < 2:
        return verdict
    pause(promise.lag_seconds)
    fresh = target.platform.get_all([(promise.page, base) for base in bases.values()])
    pages = [Page(who, _given(answer)) for who, answer in zip(bases, fresh, strict=True)]
    return judge_everywhere(promise, pages, reproduce=reproduce)


# ------------------------------------------------------------------------------------------- what requests make of it


class OfDomain(OfProviders):
    """A domain whose providers are tried with an act; `providers` are known to be there, for acts that name one."""

    right: Right = Right.SYNTHETIC
    domain: str
    act: ActName
    providers: tuple[str, ...] = Field((), description="For `{provider}` in the act; empty where it names none.")
    answered_by: str = Field(description="Path in the answer to the provider that answered.")
    code: str = Field(description="Path in the answer to the code of an error.")
    refusals: tuple[str, ...] = Field((), description="Codes that say nothing of a provider: quotas, rate limits.")


@dataclass(frozen=True, slots=True)
class Round:
    """What the page of a replica said of a provider (None: nothing), and what then came back to requests to it."""

    ready: bool | None
    answers: tuple[Answer | CouldNotObserve, ...]


@dataclass(frozen=True, slots=True)
class Try:
    """A provider tried at a replica: in doubt a second time, with the page read anew. `provider` "" is any of them."""

    who: str
    provider: str
    first: Round
    second: Round | None = None

    @property
    def last(self) -> Round:
        """The round that counts."""
        return self.second or self.first

    def __str__(self) -> str:
        return f"{self.provider or 'a request'}{f' (replica {self.who})' if self.who else ''}"


def _tells(promise: OfDomain, answer: Answer | CouldNotObserve) -> bool:
    """Tell whether an answer says anything of a provider: one that was refused for the client's sake does not."""
    if isinstance(answer, CouldNotObserve) or answer.status in (_RATE_LIMITED, *_NO_CREDENTIALS, *_NO_ROUTE):
        return False
    return _field(answer, promise.code) not in promise.refusals


def _field(answer: Answer, path: str) -> object:
    try:
        return dig(answer.json(), path)
    except CouldNotObserve:
        return None


def _works(promise: OfDomain, act: Act, provider: str, answer: Answer | CouldNotObserve, *, itself: bool) -> bool:
    """Tell whether the answer is a success; with `itself`, one that this provider and no other gave."""
    if isinstance(answer, CouldNotObserve) or breach(act, answer):
        return False
    by = _field(answer, promise.answered_by)
    return not itself or not provider or (isinstance(by, str) and promise.canonical(by) == promise.canonical(provider))


def contradiction(promise: OfDomain, act: Act, provider: str, seen: Round) -> str:
    """Say how page and requests contradict each other in one round; empty when they do not."""
    told = [answer for answer in seen.answers if _tells(promise, answer)]
    if not told or seen.ready is None:
        return ""
    if seen.ready and not any(_works(promise, act, provider, answer, itself=False) for answer in told):
        wrong = [breach(act, answer) for answer in told if not isinstance(answer, CouldNotObserve)]
        codes = {str(_field(answer, promise.code)) for answer in told if not isinstance(answer, CouldNotObserve)}
        return f"is ready on the page, and fails: {wrong[-1]} ({', '.join(sorted(codes))})"
    if not seen.ready and all(_works(promise, act, provider, answer, itself=True) for answer in told):
        return "is not ready on the page, and answers with success"
    return ""


def _tries(promise: OfDomain, target: Target) -> tuple[Try, ...]:
    """Try each provider at each replica once a run; what contradicts its page is tried again after the lag."""
    return target.once(("providers tried", promise.domain, promise.act), lambda: _try(promise, target))


def _try(promise: OfDomain, target: Target) -> tuple[Try, ...]:
    act = target.contract.act(promise.act)
    bases = _bases(target)
    pages = {page.who: page for page in reversed(_pages(promise, target))}
    said = {who: entries(promise.form, pages[who]) for who in bases if who in pages}
    pairs = [(who, provider) for who, listed in said.items() for provider in _wanted(promise, listed)]

    def ask(whom: Sequence[tuple[str, str]]) -> list[Answer | CouldNotObserve]:
        return target.platform.send_each(
            [Sending(act, {"provider": provider}, base=bases[who]) for who, provider in whom]
        )

    tries = [
        Try(who, provider, Round(_said(promise, said[who], provider), (answer,)))
        for (who, provider), answer in zip(pairs, ask(pairs), strict=True)
    ]
    doubted = [one for one in tries if contradiction(promise, act, one.provider, one.first)]
    if not doubted:
        return tuple(tries)
    pause(promise.lag_seconds)
    again = ask([(one.who, one.provider) for one in doubted for _ in range(_ASKS_IN_DOUBT)])
    fresh = target.platform.get_all([(promise.page, bases[one.who]) for one in doubted])
    second = {}
    for number, (one, page) in enumerate(zip(doubted, fresh, strict=True)):
        if isinstance(page, CouldNotObserve):
            raise page
        ready = _said(promise, entries(promise.form, Page(one.who, page)), one.provider)
        second[one.who, one.provider] = Round(
            ready, tuple(again[number * _ASKS_IN_DOUBT : (number + 1) * _ASKS_IN_DOUBT])
        )
    return tuple(Try(one.who, one.provider, one.first, second.get((one.who, one.provider))) for one in tries)


def _wanted(promise: OfDomain, listed: Iterable[Entry]) -> list[str]:
    """Give the providers to ask for: those of the contract and those that the page lists; "" where acts name none."""
    if not promise.providers:
        return [""]
    names = [*promise.providers, *(entry.provider for entry in listed if entry.domain == promise.domain)]
    return list(dict.fromkeys(map(promise.canonical, names)))[:_PROVIDERS_MAX]


def _said(promise: OfDomain, listed: Iterable[Entry], provider: str) -> bool | None:
    """Give what a page says of a provider, of any of the domain's for "" (then ready is that one is)."""
    found = [
        entry.ready
        for entry in listed
        if entry.domain == promise.domain and (not provider or promise.canonical(entry.provider) == provider)
    ]
    return any(found) if found else None


class Works(OfDomain):
    """What the page calls ready works, and what it does not call ready does not."""


def judge_works(promise: Works, act: Act, tries: Sequence[Try], *, where: str, reproduce: str) -> Verdict:
    """No provider's page and requests contradict each other twice in a row.

    One that answers now and then only, or one that an alias leads past, does not.
    """
    return combine(
        _judge_try(promise, act, one, {"where": where, "reproduce": reproduce.replace(_PROVIDER, one.provider)})
        for one in tries
    )


def _judge_try(promise: Works, act: Act, one: Try, place: Mapping[str, str]) -> Verdict:
    expected = "success of a provider that the page calls ready, and of no other"
    wrong = contradiction(promise, act, one.provider, one.last)
    if wrong and one.second is not None:
        return failed(expected, f"{one} {wrong}", **place)
    if one.last.ready is None:
        what = f"the page lists no {promise.domain} provider{f' {one.provider}' if one.provider else ''}"
        return not_covered(what, "name the deployment's own providers in the contract's providers.toml")
    told = [answer for answer in one.last.answers if _tells(promise, answer)]
    if not told:
        return _untold(expected, one.last.answers[0], place)
    ready = "ready" if one.last.ready else "not ready"
    works = any(_works(promise, act, one.provider, answer, itself=False) for answer in told)
    notes = [f"{one} once did not do what the page says"] if one.second is not None else []
    return passed(f"{one}: {ready}, {'works' if works else 'fails'}", where=place["where"], notes=notes)


def _untold(expected: str, answer: Answer | CouldNotObserve, place: Mapping[str, str]) -> Verdict:
    """Say why an answer tells nothing of what was asked for; raises CouldNotObserve where there is no such route."""
    if isinstance(answer, CouldNotObserve):
        return inconclusive(expected, answer.sentence, **place)
    if answer.status in _NO_CREDENTIALS:
        return not_covered(f"HTTP {answer.status}: this run may not do that", "give it credentials that may")
    if answer.status in _NO_ROUTE:
        raise _no_such_route(answer.asked)
    return inconclusive(expected, f"HTTP {answer.status}: too many requests of late, or no quota left", **place)


@check("providers.works", Works)
def test_works(promise: Works, target: Target) -> Verdict:
    """Requests confirm the page."""
    act = target.contract.act(promise.act)
    route = target.contract.route(promise.page)
    where = f"{target.contract.route(act.route).path} and {route.path}"
    return judge_works(promise, act, _tries(promise, target), where=where, reproduce=target.platform.curl(act))


class Listed(OfDomain):
    """The page has every provider that answers."""


def judge_listed(promise: Listed, act: Act, tries: Sequence[Try], *, where: str, reproduce: str) -> Verdict:
    """A provider that answers when it is asked for by its name is on the page."""
    expected = f"every {promise.domain} provider that can be asked for is on the page"
    verdicts = []
    for one in tries:
        if one.provider not in map(promise.canonical, promise.providers):
            continue
        if one.last.ready is not None:
            verdicts.append(passed(f"{one} is listed", where=where))
        elif any(_works(promise, act, one.provider, answer, itself=True) for answer in one.last.answers):
            verdicts.append(failed(expected, f"{one} answers and is not listed", where=where, reproduce=reproduce))
        else:
            what = f"{one} is not listed, and does not answer either"
            verdicts.append(not_covered(what, "name the deployment's own providers in the contract's providers.toml"))
    return combine(verdicts)


@check("providers.listed", Listed)
def test_listed(promise: Listed, target: Target) -> Verdict:
    """No provider that is in use is missing on the page."""
    act = target.contract.act(promise.act)
    where = target.contract.route(promise.page).path
    return judge_listed(promise, act, _tries(promise, target), where=where, reproduce=_page_curl(promise, target))


class Gauge(OfDomain):
    """A gauge of a provider does not say what an answer of that provider has just disproved."""

    metric: str
    label: str
    contradicts: float = Field(description="The value that a provider cannot have that has just answered.")


def _gauges(promise: OfProviders, read: Snapshot, metric: str, label: str, provider: str) -> dict[str, float]:
    """Give the gauge's value by replica, where exactly one series of it names the provider."""
    found = {}
    for who, scrape in read.scrapes.items():
        values = [
            sample.value
            for sample in scrape.exposition.series(metric)
            if promise.canonical(sample.labels.get(label, "")) == provider
            or provider in sample.labels.get(label, "").lower()
        ]
        if len(values) == 1:
            found[who] = values[0]
    return found


def judge_gauge(promise: Gauge, act: Act, tries: Sequence[Try], read: Snapshot, *, reproduce: str) -> Verdict:
    """Where a provider has just answered, its gauge has another value than the one that this disproves.

    Behind a balancer that hides replicas it is not known which of them the answer came from: then not all may have it.
    """
    verdicts = []
    for one in tries:
        if not any(_works(promise, act, one.provider, answer, itself=True) for answer in one.last.answers):
            continue
        values = _gauges(promise, read, promise.metric, promise.label, one.provider)
        if one.who:
            values = {who: value for who, value in values.items() if who == one.who}
        where = f"{promise.metric} of {', '.join(values) or 'every replica'}"
        series = f'{promise.metric}{{{promise.label}="{one.provider}"}}'
        if not values:
            remedy = "correct `metric` and `label` in the contract's providers.toml"
            verdicts.append(not_covered(f"no single series {series}", remedy))
        elif all(value == promise.contradicts for value in values.values()):
            observed = f"{one} has just answered, and {series} = {promise.contradicts:g}"
            expected = f"{series} other than {promise.contradicts:g} after a success of that provider"
            verdicts.append(failed(expected, observed, where=where, reproduce=reproduce))
        else:
            verdicts.append(passed(f"{series} = {min(values.values()):g}", where=where))
    return combine(verdicts) if verdicts else not_covered("no provider answered", "nothing to do: others report that")


@check("providers.gauge", Gauge)
def test_gauge(promise: Gauge, target: Target) -> Verdict:
    """The metrics do not contradict what has just been answered."""
    act = target.contract.act(promise.act)
    route = target.contract.route(target.contract.platform.identity.metrics_route)
    reproduce = f"curl -sSL {target.platform.base().rstrip('/')}{route.path} | grep {promise.metric}"
    tries = _tries(promise, target)
    verdict = judge_gauge(promise, act, tries, target.last_snapshot(), reproduce=reproduce)
    if verdict.outcome is not Outcome.FAIL:
        return verdict
    # It may have changed between reading and request: once more, closer together.
    pause(promise.lag_seconds)
    bases = _bases(target)
    answers = target.platform.send_each([Sending(act, {"provider": t.provider}, base=bases[t.who]) for t in tries])
    again = [
        Try(one.who, one.provider, Round(one.last.ready, (answer,))) for one, answer in zip(tries, answers, strict=True)
    ]
    return judge_gauge(promise, act, again, _read_metrics(target), reproduce=reproduce)


def _read_metrics(target: Target) -> Snapshot:
    families = {promise.metric for promise in target.contract.promises("providers.gauge", Gauge)}
    families |= {promise.metric for promise in target.contract.promises("providers.reset", Reset)}
    for promise in target.contract.promises("providers.reset_keeps", ResetKeeps):
        families |= set(promise.counters)
    return snapshot(target.platform, target.contract, target.replicas(), families=families)


# ------------------------------------------------------------------------------------------------- what pages say of it


class AgreesWithHealth(OfProviders):
    """The health page calls the models up while providers are ready, and not when none is."""

    health_page: RouteName
    path: str
    up: str
    down: str


def judge_health(promise: AgreesWithHealth, listed: Sequence[Entry], health: Page, *, reproduce: str) -> Verdict:
    """All ready and yet down, or none ready and yet up, is a contradiction; anything between is not."""
    said = dig(health.answer.json(), promise.path)
    ready = sum(entry.ready for entry in listed)
    observed = f"{ready} of {len(listed)} providers ready, {promise.path} = {shown(said)}"
    if said not in (promise.up, promise.down) or not listed:
        return not_covered(observed, "correct `path`, `up` and `down` in the contract's providers.toml")
    if (said == promise.down and ready == len(listed)) or (said == promise.up and not ready):
        return failed("both pages agree", observed, where=_where(health), reproduce=reproduce)
    return passed(observed, where=_where(health))


class AgreesWithReadiness(OfProviders):
    """No provider is ready on its page while the readiness page says that it is down."""

    ready_page: RouteName
    checks: str
    status: str
    names: str = Field(description="Pattern of the name of a provider's readiness check, with `{provider}`.")
    bad_words: tuple[str, ...]


def judge_readiness(promise: AgreesWithReadiness, listed: Sequence[Entry], ready: Page, *, reproduce: str) -> Verdict:
    """A provider whose readiness check fails is not ready; one whose check is fine may still be kept out of use."""
    checks = dig(ready.answer.json(), promise.checks)
    if not isinstance(checks, Mapping):
        return not_covered(f"{promise.checks} is {shown(checks)}", "correct `checks` in the contract's providers.toml")
    compared = []
    for entry in listed:
        pattern = promise.names.replace(_PROVIDER, entry.provider).lower()
        for name in checks:
            if not fnmatch.fnmatchcase(str(name).lower(), pattern):
                continue
            word = dig(checks[name], promise.status) if isinstance(checks[name], Mapping) else checks[name]
            compared.append(f"{name} is {shown(word)}")
            if entry.ready and (word is False or str(word).lower() in promise.bad_words):
                observed = f"{entry.provider} is ready on its page, readiness check {name} is {shown(word)}"
                return failed("both pages agree", observed, where=_where(ready), reproduce=reproduce)
    if not compared:
        return not_covered("readiness does not look at providers", "nothing to do where it need not")
    return passed(some(compared), where=_where(ready))


class AgreesWithConfiguration(OfProviders):
    """Every configured provider of a domain is on the page."""

    health_page: RouteName
    domain: str
    path: str = Field(description="Path on the health page to the list of configured providers.")
    disabled: str = Field(description="Path to the list of those that are switched off.")
    not_providers: tuple[str, ...] = Field((), description="Names in the list that stand for no provider.")


def judge_configuration(
    promise: AgreesWithConfiguration, listed: Sequence[Entry], health: Page, *, reproduce: str
) -> Verdict:
    """What the configuration lists for the domain, and does not switch off, the page lists, too."""
    body = health.answer.json()
    configured, disabled = dig(body, promise.path), dig(body, promise.disabled)
    if not isinstance(configured, list) or not all(isinstance(name, str) for name in configured):
        remedy = "correct `path` in the contract's providers.toml, if the page lists the providers elsewhere"
        return not_covered(f"{promise.path} is {shown(configured)}, not a list of names", remedy)
    off = {promise.canonical(str(name)) for name in disabled} if isinstance(disabled, list) else set()
    wanted = {promise.canonical(name) for name in configured} - off - set(promise.not_providers)
    there = {promise.canonical(entry.provider) for entry in listed if entry.domain == promise.domain}
    if missing := sorted(wanted - there):
        observed = f"{promise.path} has {', '.join(missing)}, the page of the providers has {shown(sorted(there))}"
        return failed("both pages agree", observed, where=_where(health), reproduce=reproduce)
    return passed(f"{', '.join(sorted(wanted)) or 'nothing'} configured and listed", where=_where(health))


def _agreeing(
    promise: OfProviders, target: Target, other: str, judge: Callable[[Sequence[Entry], Page], Verdict]
) -> Verdict:
    """Compare the two pages of each replica; a contradiction counts when pages read anew show it, too."""
    others = {page.who: page for page in reversed(target.pages(other))}
    pages = {page.who: page for page in reversed(_pages(promise, target))}
    bases = _bases(target)
    verdicts = []
    for who in bases:
        if who not in pages or who not in others:
            continue
        verdict = judge(entries(promise.form, pages[who]), others[who])
        if verdict.outcome is Outcome.FAIL:
            pause(promise.lag_seconds)
            fresh = target.platform.get_all([(promise.page, bases[who]), (other, bases[who])])
            first, second = (Page(who, _given(answer)) for answer in fresh)
            verdict = judge(entries(promise.form, first), second)
        verdicts.append(verdict)
        if verdict.outcome is Outcome.FAIL:
            break
    return combine(verdicts)


def _given(answer: Answer | CouldNotObserve) -> Answer:
    if isinstance(answer, CouldNotObserve):
        raise answer
    return answer


@check("providers.agrees_with_health", AgreesWithHealth)
def test_agrees_with_health(promise: AgreesWithHealth, target: Target) -> Verdict:
    """The health page does not contradict the providers' page."""
    reproduce = _page_curl(promise, target)
    return _agreeing(
        promise,
        target,
        promise.health_page,
        lambda listed, page: judge_health(promise, listed, page, reproduce=reproduce),
    )


@check("providers.agrees_with_readiness", AgreesWithReadiness)
def test_agrees_with_readiness(promise: AgreesWithReadiness, target: Target) -> Verdict:
    """The readiness page does not contradict the providers' page."""
    reproduce = _page_curl(promise, target)
    return _agreeing(
        promise,
        target,
        promise.ready_page,
        lambda listed, page: judge_readiness(promise, listed, page, reproduce=reproduce),
    )


@check("providers.agrees_with_configuration", AgreesWithConfiguration)
def test_agrees_with_configuration(promise: AgreesWithConfiguration, target: Target) -> Verdict:
    """The configuration does not contradict the providers' page."""
    reproduce = _page_curl(promise, target)
    return _agreeing(
        promise,
        target,
        promise.health_page,
        lambda listed, page: judge_configuration(promise, listed, page, reproduce=reproduce),
    )


# --------------------------------------------------------------------------------------------------- resets of breakers


class OfReset(OfProviders):
    """A reset that is asked for with the admin token."""

    right: Right = Right.INTRUSIVE
    act: ActName


class Reset(OfReset):
    """A reset closes the breaker of a provider on every replica, and requests go through."""

    provider: str
    metric: str
    label: str
    closed: float
    confirm: ActName = Field(description="A request to that provider.")
    code: str = Field(description="Path in its answer to the code of an error.")
    open_code: str = Field(description="The code of a request that an open breaker refused.")


class ResetAnswer(OfReset):
    """How a reset is answered that names a provider in an unusual way, or none."""

    classes: tuple[int, ...] = Field(description="Classes of HTTP status that are fine: 4 is 400 to 499.")
    denied: Mapping[str, Any] = Field(
        default_factory=dict,
        description="Dotted path to the value by which an answer of class 2 says that it did nothing, as it should.",
    )


class ResetKeeps(OfReset):
    """A reset leaves the counters as they are."""

    counters: tuple[str, ...] = Field(min_length=1, description="Counters of requests and errors.")


@dataclass(frozen=True, slots=True)
class Resets:
    """What came back to the resets of a run, by promise; metrics before and after; the requests that followed."""

    answers: Mapping[str, Answer | CouldNotObserve]
    before: Snapshot
    after: Snapshot
    confirmed: Mapping[str, Answer | CouldNotObserve]


def judge_reset(promise: Reset, act: Act, confirm: Act, resets: Resets, *, where: str, reproduce: str) -> Verdict:
    """The reset is accepted, the breaker is closed on every replica, and a request is not refused by it.

    Whether a breaker that was open is closed by it can only be seen when one is open; none is opened for that.
    """
    expected = f"{describe(act)}, and then {promise.metric} = {promise.closed:g} for {promise.provider} everywhere"
    place = {"where": where, "reproduce": reproduce}
    answer = resets.answers[promise.id]
    if isinstance(answer, CouldNotObserve) or answer.status in (_RATE_LIMITED, *_NO_CREDENTIALS):
        return _untold(expected, answer, place)
    if wrong := breach(act, answer):
        return failed(expected, wrong, **place)
    provider = promise.canonical(promise.provider)
    after = _gauges(promise, resets.after, promise.metric, promise.label, provider)
    before = _gauges(promise, resets.before, promise.metric, promise.label, provider)
    left = [f"{value:g} ({who})" for who, value in after.items() if value != promise.closed]
    request = resets.confirmed[promise.id]
    code = None if isinstance(request, CouldNotObserve) else _field(request, promise.code)
    if code == promise.open_code:
        return failed(expected, f"the next request is refused with {promise.open_code}", **place)
    if left:
        was = ", ".join(f"{value:g}" for value in set(before.values()))
        observed = f"{promise.metric} of {provider} is {some(left)} after it, and was {was or 'not there'}"
        fails = isinstance(request, CouldNotObserve) or bool(breach(confirm, request))
        # A provider that fails opens its breaker again.
        return inconclusive(expected, observed, **place) if fails else failed(expected, observed, **place)
    told = f"HTTP {answer.status}, {promise.metric} = {promise.closed:g} on {len(after)} replicas"
    return passed(told if after else f"HTTP {answer.status}; no gauge names {provider}", where=where)


def judge_reset_answer(
    promise: ResetAnswer, answer: Answer | CouldNotObserve, *, where: str, reproduce: str
) -> Verdict:
    """The status is of a promised class; an answer of class 2 where that is not one says that nothing was done."""
    expected = f"HTTP {' or '.join(f'{number}xx' for number in promise.classes)}"
    place = {"where": where, "reproduce": reproduce}
    if isinstance(answer, CouldNotObserve) or answer.status in (_RATE_LIMITED, *_NO_CREDENTIALS):
        return _untold(expected, answer, place)
    observed = f"HTTP {answer.status} {shown(answer.body[:80].decode('utf-8', errors='replace'), 90)}"
    denied = answer.status < _HTTP_REFUSED and any(
        _field(answer, path) == value for path, value in promise.denied.items()
    )
    if answer.status // 100 in promise.classes or denied:
        looks_done = bool(promise.denied) and answer.status < _HTTP_REFUSED and not denied
        return passed(observed, where=where, notes=["a reset of nothing looks like a success"] if looks_done else [])
    return failed(expected, observed, **place)


def describe(act: Act) -> str:
    """Say what an act expects."""
    return f"HTTP {' or '.join(map(str, act.expect.statuses))}"


def judge_reset_keeps(promise: ResetKeeps, resets: Resets, *, reproduce: str) -> Verdict:
    """On no process a counter fell or went away meanwhile; of one that was restarted in between nothing is known."""
    verdicts = []
    for name in resets.before.scrapes.keys() & resets.after.scrapes.keys():
        old, new = resets.before.scrapes[name], resets.after.scrapes[name]
        place = {"where": f"the metrics of {name or 'the platform'}", "reproduce": reproduce}
        expected = "counters as they were, or more"
        if old.identity is None or old.identity != new.identity:
            verdicts.append(inconclusive(expected, "it was restarted meanwhile, or cannot be told", **place))
            continue
        counted = [sample for family in promise.counters for sample in old.exposition.series(family)]
        fallen = [
            f"{sample.key} from {sample.value:g} to {'nothing' if after is None else f'{after:g}'}"
            for sample in counted
            if (after := new.exposition.value(sample.name, sample.labels)) is None or after < sample.value
        ]
        if fallen:
            verdicts.append(failed(expected, some(fallen), **place))
        elif counted:
            verdicts.append(passed(f"{len(counted)} counters, none fell", where=place["where"]))
    return combine(verdicts) if verdicts else inconclusive("counters as they were", "no process has any, or answers")


def _resets(target: Target) -> Resets:
    """Send every reset of the contract once; raises CouldNotObserve where the platform has no such route."""
    known = target.contract.promises("providers.reset", Reset)
    promises: list[OfReset] = [*known, *target.contract.promises("providers.reset_answer", ResetAnswer)]
    before = _read_metrics(target)
    sent = [
        Sending(target.contract.act(p.act), {"provider": p.provider} if isinstance(p, Reset) else {}) for p in promises
    ]
    answers = target.platform.send_each(sent)
    came = [answer for answer in answers if not isinstance(answer, CouldNotObserve)]
    if came and all(answer.status in _NO_ROUTE for answer in came):
        raise _no_such_route(came[0].asked)
    after = _read_metrics(target)
    if any(_opened(promise, before) for promise in known):
        # What was open is to be closed everywhere; that may take replicas a moment to hear of.
        pause(known[0].lag_seconds)
        after = _read_metrics(target)
    confirmed = target.platform.send_each(
        [Sending(target.contract.act(promise.confirm), {"provider": promise.provider}) for promise in known]
    )
    return Resets(
        dict(zip((promise.id for promise in promises), answers, strict=True)),
        before,
        after,
        dict(zip((promise.id for promise in known), confirmed, strict=True)),
    )


def _opened(promise: Reset, read: Snapshot) -> bool:
    values = _gauges(promise, read, promise.metric, promise.label, promise.canonical(promise.provider)).values()
    return any(value != promise.closed for value in values)


@check("providers.reset", Reset)
def test_reset(promise: Reset, target: Target) -> Verdict:
    """A reset closes the breaker."""
    listed = entries(promise.form, _pages(promise, target)[0])
    if promise.canonical(promise.provider) not in {promise.canonical(entry.provider) for entry in listed}:
        remedy = "name the deployment's own providers in the contract's providers.toml"
        return not_covered(f"the page lists no provider {promise.provider}", remedy)
    act, confirm = target.contract.act(promise.act), target.contract.act(promise.confirm)
    where = f"{target.contract.route(act.route).path} and the metrics of every replica"
    resets = target.once("resets", lambda: _resets(target))
    reproduce = target.platform.curl(act).replace(_PROVIDER, promise.provider)
    return judge_reset(promise, act, confirm, resets, where=where, reproduce=reproduce)


@check("providers.reset_answer", ResetAnswer)
def test_reset_answer(promise: ResetAnswer, target: Target) -> Verdict:
    """A reset of something unusual is answered in a way that an operator understands."""
    act = target.contract.act(promise.act)
    resets = target.once("resets", lambda: _resets(target))
    return judge_reset_answer(
        promise,
        resets.answers[promise.id],
        where=target.contract.route(act.route).path,
        reproduce=target.platform.curl(act),
    )


@check("providers.reset_keeps", ResetKeeps)
def test_reset_keeps(promise: ResetKeeps, target: Target) -> Verdict:
    """A reset is of the breaker alone."""
    resets = target.once("resets", lambda: _resets(target))
    return judge_reset_keeps(promise, resets, reproduce=target.platform.curl(target.contract.act(promise.act)))
