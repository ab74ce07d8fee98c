"""Who answers behind the load balancer: finding every replica, and reading all their metrics at one moment.

A counter on `/metrics` belongs to one process. To say that something was counted, every process that could have counted
it must be read. Replicas are addressed one by one where their addresses are known and can be reached from here (from
the contract, or from Prometheus' targets); otherwise the load balancer is asked until all processes seen so far have
answered.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from selfcheck.clients.http import Answer
from selfcheck.clients.platform import Platform
from selfcheck.clients.prometheus import Target as ScrapeTarget
from selfcheck.contract import Component, Contract
from selfcheck.exposition import PROCESS_STARTED, Exposition, ProcessIdentity, identity, parse
from selfcheck.observation import CouldNotObserve, Trouble

_ROUNDS_MAX = 12  # with three processes chosen at random, one in 700,000 readings misses one
_PROBES_MAX = 15  # in one round: a fleet that is replaced while we look must not make us ask ever more
_QUIET_PER_PROCESS = 6  # answers in a row by processes already met, for each of them, before the search for more ends
_SEARCH_BYTES_MAX = 16 * 1024 * 1024  # of metrics pages, for that search; a platform has pages of 10 MB and more
_SAMPLE_LINE = re.compile(rb"^[a-zA-Z_:][^\n]*[ \t}][-+0-9NI]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Scrape:
    """One reading of one process' metrics page."""

    replica: str
    answer: Answer
    exposition: Exposition
    identity: ProcessIdentity | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The metrics of all known processes at one moment, by replica; `missing` names those that could not be read.

    `direct` is false when they were read through the load balancer: then only their identity tells them apart.
    """

    scrapes: Mapping[str, Scrape]
    missing: tuple[str, ...] = ()
    direct: bool = True


@dataclass(frozen=True, slots=True)
class Replicas:
    """The processes that serve the platform, as far as this run can know them.

    `urls` has the metrics page of each replica that answers when asked directly, well or not (empty: only the load
    balancer can be asked); `scrapes` has the readings of those that answered well.
    `behind` has what the load balancer showed. `unlisted` are processes that answer users and are not among the
    addressed ones; `unreachable` are listed addresses that did not answer from here. `met_since` grows with processes
    that only a later reading met behind the load balancer: from then on they are awaited like the others.
    """

    urls: Mapping[str, str]
    scrapes: Mapping[str, Scrape]
    behind: tuple[Scrape, ...]
    unlisted: tuple[Scrape, ...] = ()
    unreachable: Mapping[str, CouldNotObserve] | None = None
    met_since: dict[ProcessIdentity | None, str] = field(default_factory=dict)

    @property
    def direct(self) -> bool:
        """Whether replicas are asked one by one, and users meet none that could not be."""
        return bool(self.urls) and not self.unlisted


def find(
    platform: Platform,
    contract: Contract,
    *,
    component: Component = Component.APP,
    configured: Sequence[str] = (),
    targets: Iterable[ScrapeTarget] = (),
) -> Replicas:
    """Look for all replicas; raises CouldNotObserve when not even the load balancer shows a metrics page.

    A page without a single sample is none: an error page with status 200, a login page.
    """
    route = contract.platform.identity.metrics_route
    path = contract.route(route).path
    candidates = {urlsplit(url).netloc: url.rstrip("/") + path for url in configured}
    if not candidates:
        candidates = {target.instance: target.scrape_url for target in targets}
    asked = [(route, platform.base(component))] * contract.platform.limits.replica_probes
    page_of = _pages(platform, asked)
    scrapes: dict[str, Scrape] = {}
    answered: dict[str, str] = {}
    unreachable: dict[str, CouldNotObserve] = {}
    for name, answer in (
        zip(candidates, platform.scrape_all(list(candidates.values())), strict=True) if candidates else ()
    ):
        if isinstance(answer, CouldNotObserve):
            unreachable[name] = answer
            continue
        # A redirect that was followed once need not be followed each time.
        answered[name] = answer.url
        if answer.status == 200:
            scrapes[name] = _scrape(name, answer)
    known = {scrape.identity for scrape in scrapes.values()}
    if not known >= set(page_of):
        _search(platform, asked, page_of)
    named = _numbered(_scrape("", page, (PROCESS_STARTED,)) for page in page_of.values())
    unlisted = tuple(scrape for scrape in named if scrape.identity not in known) if scrapes else ()
    if not scrapes or (unlisted and len(unlisted) == len(named)):
        # Nothing reachable, or the addresses lead to other processes than users meet: only the balancer is left.
        whole = _numbered(_scrape("", page) for page in page_of.values())
        return Replicas({}, {scrape.replica: scrape for scrape in whole}, named, unlisted, unreachable)
    return Replicas(answered, scrapes, named, unlisted, unreachable)


def unseen(replicas: Replicas) -> dict[str, str]:
    """Say which of the listed replicas showed no metrics, and what came back; empty where none can be asked directly.

    Where not one address can be reached, this is simply not the place to ask them from.
    """
    if not replicas.urls:
        return {}
    silent = {name: error.came_back for name, error in (replicas.unreachable or {}).items()}
    return silent | {name: "no metrics" for name in replicas.urls if name not in replicas.scrapes}


def users_meet(
    platform: Platform, contract: Contract, replicas: Replicas, asks_max: int
) -> tuple[set[ProcessIdentity | None], int]:
    """Go on asking the load balancer until each addressed process has answered; gives who did, and the asks it took.

    No ask is made where those that `find` made met them all.
    """
    asked = [(contract.platform.identity.metrics_route, platform.base())] * contract.platform.limits.replica_probes
    met = {scrape.identity for scrape in replicas.behind}
    asks = size = 0
    while (
        asks < asks_max
        and size < _SEARCH_BYTES_MAX
        and any(scrape.identity not in met for scrape in replicas.scrapes.values())
    ):
        try:
            pages = _pages(platform, asked)
        except CouldNotObserve:
            break
        asks += len(asked)
        size += len(asked) * max(len(page.body) for page in pages.values())
        met |= pages.keys()
    return met, asks


def _pages(platform: Platform, asked: Sequence[tuple[str, str | None]]) -> dict[ProcessIdentity | None, Answer]:
    """Ask the load balancer a few times; gives a page of each process that answered."""
    through = platform.get_all(asked, fresh=True, landed=True)
    pages: dict[ProcessIdentity | None, Answer] = {}
    for page in through:
        if isinstance(page, Answer) and page.status == 200 and _has_samples(page):
            # Who answers is told from a few lines: a large page is read as a whole only where needed.
            pages.setdefault(_scrape("", page, (PROCESS_STARTED,)).identity, page)
    if not pages:
        raise _why(through)
    return pages


def _search(
    platform: Platform, asked: Sequence[tuple[str, str | None]], page_of: dict[ProcessIdentity | None, Answer]
) -> None:
    """Go on asking the load balancer until it is likely that every process behind it has answered.

    Other clients take turns too, so that a few requests in a row need not meet every process even when it deals them
    out evenly.
    """
    quiet = size = 0
    for _ in range(_ROUNDS_MAX):
        if quiet >= _QUIET_PER_PROCESS * len(page_of) or size >= _SEARCH_BYTES_MAX:
            return
        try:
            pages = _pages(platform, asked)
        except CouldNotObserve:
            return
        quiet = quiet + len(asked) if pages.keys() <= page_of.keys() else 0
        size += len(asked) * max(len(page.body) for page in pages.values())
        page_of |= {who: page for who, page in pages.items() if who not in page_of}


def snapshot(
    platform: Platform,
    contract: Contract,
    replicas: Replicas,
    *,
    component: Component = Component.APP,
    families: Iterable[str] = (),
) -> Snapshot:
    """Read all known processes once; only the given families are parsed where any are named.

    Those with an address are asked for themselves, the others through the load balancer until each has answered.
    """
    wanted = tuple(families)
    found: dict[str, Scrape] = {}
    missing: list[str] = []
    answers = platform.scrape_all(list(replicas.urls.values())) if replicas.urls else []
    for name, answer in zip(replicas.urls, answers, strict=True):
        if isinstance(answer, CouldNotObserve) or answer.status != 200:
            missing.append(name)
        else:
            found[name] = _scrape(name, answer, wanted)
    if replicas.direct:
        return Snapshot(found, tuple(missing))
    hidden = replicas.unlisted if replicas.urls else tuple(replicas.scrapes.values())
    awaited = {scrape.identity: scrape.replica for scrape in hidden} | replicas.met_since
    before = set(awaited)
    found |= _through_balancer(
        platform, contract, component, wanted, awaited, {each.identity for each in found.values()}
    )
    replicas.met_since.update({who: name for who, name in awaited.items() if who not in before})
    missing += [name for name in awaited.values() if name not in found]
    return Snapshot(found, tuple(missing), direct=False)


def _through_balancer(
    platform: Platform,
    contract: Contract,
    component: Component,
    families: tuple[str, ...],
    awaited: dict[ProcessIdentity | None, str],
    known: set[ProcessIdentity | None],
) -> dict[str, Scrape]:
    """Ask the load balancer until every awaited process has answered; one that nobody knew is added to them."""
    route = contract.platform.identity.metrics_route
    base = platform.base(component)
    found: dict[str, Scrape] = {}
    for _ in range(_ROUNDS_MAX):
        probes = min(max(len(awaited) + len(known), 1), _PROBES_MAX)
        for answer in platform.get_all([(route, base)] * probes, fresh=True, landed=True):
            if isinstance(answer, CouldNotObserve) or answer.status != 200:
                continue
            scrape = _scrape("", answer, families)
            if scrape.identity in known:
                continue
            name = awaited.setdefault(scrape.identity, f"process {len(awaited) + len(known) + 1}")
            found[name] = dataclasses.replace(scrape, replica=name)
        if set(found) >= set(awaited.values()):
            break
    return found


def _scrape(name: str, answer: Answer, families: tuple[str, ...] = ()) -> Scrape:
    try:
        text = answer.text()
    except CouldNotObserve:
        text = answer.body.decode("utf-8", errors="replace")
    # Reading a few families out of a page with 100,000 series must not cost a parse of all of them.
    exposition = parse(_only(text, families) if families else text)
    # The body is in the exposition now; keeping both would double what a large page costs.
    return Scrape(name, dataclasses.replace(answer, body=b""), exposition, identity(exposition))


def _has_samples(answer: Answer) -> bool:
    return _SAMPLE_LINE.search(answer.body) is not None


def _only(text: str, families: tuple[str, ...]) -> str:
    """Cut a page down to the samples of some names, and what tells which process answered."""
    names = "|".join(re.escape(name) for name in families)
    # Every TYPE line stays: it is what makes `_created` samples (those without labels) part of the process' identity.
    kept = (
        rf"^(?:#[ \t]*TYPE[ \t][^\n]*|(?:{names}|{PROCESS_STARTED})[{{ \t][^\n]*|[\w:]+_created(?:{{}})?[ \t][^\n]*)$"
    )
    return "".join(f"{line}\n" for line in re.findall(kept, text, re.MULTILINE))


def _numbered(scrapes: Iterable[Scrape]) -> tuple[Scrape, ...]:
    return tuple(dataclasses.replace(scrape, replica=f"process {number}") for number, scrape in enumerate(scrapes, 1))


def _why(answers: Sequence[Answer | CouldNotObserve]) -> CouldNotObserve:
    first = answers[0]
    if isinstance(first, CouldNotObserve):
        return first
    return CouldNotObserve(
        Trouble.UNEXPECTED_ANSWER,
        asked=first.asked,
        came_back=f"HTTP {first.status} without a single sample"
        if first.status == 200
        else f"HTTP {first.status} instead of metrics",
        hint="look at the application's log; the metrics page is mounted by the app itself",
    )
