"""Looking at the classifier: new files sent once, again and elsewhere, and the statistics of the cache meanwhile."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import Field

from selfcheck import corpus, replicas
from selfcheck.clients.http import Answer
from selfcheck.clients.platform import Sending
from selfcheck.contract import Act, ActName, Component, Model, RouteName
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.values import dig

if TYPE_CHECKING:
    from collections.abc import Iterable

    from selfcheck.replicas import Scrape, Snapshot
    from selfcheck.target import Target

OK = 200
NO_ROUTE = (404, 405)
_REFUSED = (401, 403)


class Wire(Model):
    """What requests, answers, statistics and metrics of the classifier are called, and how much is asked."""

    parts: tuple[ActName, ...] = Field(min_length=1, description="Acts that classify one drawing each.")
    batch: ActName = Field(description="Act that classifies several files at once.")
    category: str
    confidence: str
    probabilities: str
    cached: str
    replicas_max: int = Field(5, ge=1, description="How many replicas are asked one by one.")
    tries_max: int = Field(20, ge=2, description="How often an address of several processes is asked for one file.")
    statistics: ActName
    size: str
    max_size: str
    hits: str
    misses: str
    hit_ratio: str
    size_gauge: str
    hits_counter: str
    misses_counter: str
    health: RouteName
    health_max_size: str = Field(description="Path on the health page to the size that the cache may have.")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, and what came back; `who` names the replica, empty for the load balancer."""

    who: str
    answer: Answer | CouldNotObserve

    @property
    def where(self) -> str:
        """What was asked of whom."""
        return f"{self.answer.asked}{f' (replica {self.who})' if self.who else ''}"

    @property
    def came_back(self) -> str:
        """What came back, in a few words."""
        return self.answer.came_back if isinstance(self.answer, CouldNotObserve) else f"HTTP {self.answer.status}"


@dataclass(frozen=True, slots=True)
class Repeated:
    """One new file: sent for the first time, again to the same process, and to other processes.

    `exact` is false where several processes answer at the same address: then any may have answered each time.
    """

    first: Asked
    again: tuple[Asked, ...]
    elsewhere: tuple[Asked, ...] = ()
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Cache:
    """The statistics of one process' cache before and after this run's requests, and its metrics around them.

    `new` and `known` say how many files of this run it met for the first time in between, and again.
    """

    before: Asked
    after: Asked
    meters: tuple[Scrape, ...] = ()
    new: int = 0
    known: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """Several new files sent at once, and then one by one to the same process; `names` are their file names.

    `namesakes` are the same files at once, all under the name of the first one. `plates` are files between two kinds of
    part, at once as well; `plate_names` are their names.
    """

    together: Asked
    singly: tuple[Asked, ...]
    names: tuple[str, ...]
    namesakes: Asked
    plates: Asked
    plate_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that this area's harmless requests have shown."""

    repeated: tuple[Repeated, ...]
    caches: tuple[Cache, ...]
    batch: Batch
    statistics_at: Places
    """Where statistics are served, and were read."""

    @property
    def every(self) -> tuple[Asked, ...]:
        """Every classification of one file."""
        rounds = [asked for one in self.repeated for asked in (one.first, *one.again, *one.elsewhere)]
        return (*rounds, *self.batch.singly)


Spots = Mapping[str, str | None]
"""Base URLs of processes by name; None stands for a load balancer that leads to no other."""

Places = Sequence[tuple[str, str | None]]
"""The same as pairs, or the load balancer as the only one, without a name."""


def look(target: Target, wire: Wire) -> Seen:
    """Look once a run; raises CouldNotObserve where this run cannot have anything classified."""
    return target.once("classifier", lambda: _look(target, wire))


def spots_of(target: Target, wire: Wire) -> Spots:
    """Find the processes that can be asked one by one; empty where any of several may answer."""
    bases = target.trusted_bases(Component.CLASSIFIER)
    if bases:
        return dict(list(bases.items())[: wire.replicas_max])
    try:
        scrapes = target.replicas(Component.CLASSIFIER).scrapes
    except CouldNotObserve:
        return {}
    alone = len(scrapes) == 1 and target.scope.environment.replicas in (None, 1)
    return dict.fromkeys(scrapes) if alone and all(scrape.identity for scrape in scrapes.values()) else {}


def _look(target: Target, wire: Wire) -> Seen:
    spots = spots_of(target, wire)
    places: Places = list(spots.items()) or [("", None)]
    acts = [target.contract.act(name) for name in wire.parts]
    files: list[tuple[str, Sending]] = []
    for number in range(max(len(places), len(acts))):
        who, base = places[number % len(places)]
        act = acts[number % len(acts)]
        files.append((who, Sending(act, payload=new_file(target, act), base=base)))
    before = _meters(target, wire)
    exact = bool(spots) and not _several(target, before, spots)
    statistics_at = _statistics_at(target, wire, places)
    earlier = statistics(target, wire, statistics_at)
    firsts = ask(target, files)
    _stop_where_it_is_not(target, firsts, acts[0])
    again = _again(target, wire, files, exact=exact)
    later = statistics(target, wire, statistics_at)
    after = _meters(target, wire)
    caches = tuple(
        Cache(
            old,
            new,
            tuple(scrapes[old.who] for scrapes in (before, after) if old.who in scrapes),
            sum(_is_answered(one) for one in firsts if one.who == old.who) if exact else 0,
            sum(_is_answered(one) for asked in again for one in asked if one.who == old.who) if exact else 0,
        )
        for old, new in zip(earlier, later, strict=True)
    )
    elsewhere = _elsewhere(target, files, places, len(acts))
    repeated = tuple(
        Repeated(first, tuple(later), tuple(others), exact=exact)
        for first, later, others in zip(firsts, again, elsewhere, strict=True)
    )
    return Seen(repeated, caches, _batch(target, wire, acts, *places[0]), statistics_at)


def _is_answered(asked: Asked) -> bool:
    """Tell whether a file was classified: one that a rate limit refused moves nothing."""
    return isinstance(asked.answer, Answer) and asked.answer.status == OK


def _several(target: Target, scrapes: Mapping[str, Scrape], spots: Spots) -> bool:
    """Tell whether several processes answer at one address, or may: two readings of its metrics show which one did."""
    earlier = target.replicas(Component.CLASSIFIER).scrapes
    return any(
        name not in earlier
        or name not in scrapes
        or earlier[name].identity is None
        or earlier[name].identity != scrapes[name].identity
        for name in spots
    )


def new_file(target: Target, act: Act) -> corpus.Payload:
    """Make a file that nobody has sent before."""
    if act.file is None:
        message = f"the act {act.name} sends no file"
        raise LookupError(message)
    return corpus.payload(act.file, f"{target.platform.mark}-{secrets.token_hex(4)}")


def ask(target: Target, files: Sequence[tuple[str, Sending]]) -> list[Asked]:
    """Send requests at once; each comes with the name of whom it goes to. Raises CouldNotObserve (BUDGET)."""
    answers = target.platform.send_each([sending for _, sending in files])
    return [Asked(who, answer) for (who, _), answer in zip(files, answers, strict=True)]


def _stop_where_it_is_not(target: Target, asked: Sequence[Asked], act: Act) -> None:
    """Raise CouldNotObserve where the route is another one, or wants a credential that this run was not given."""
    answers = [one.answer for one in asked if isinstance(one.answer, Answer)]
    statuses = {answer.status for answer in answers}
    path = target.contract.route(act.route).path
    if statuses and statuses <= {*NO_ROUTE}:
        hint = f"put the deployment's own path of the route {act.route!r} into the contract's api.toml"
        trouble = Trouble.NO_SUCH_ROUTE
        raise CouldNotObserve(trouble, asked=answers[0].asked, came_back=f"there is no {path} here", hint=hint)
    if statuses and statuses <= {*_REFUSED} and not target.scope.covers(Component.API_KEY):
        came_back = f"{path} takes a credential that this run was not given"
        trouble = Trouble.NO_SUCH_ROUTE
        raise CouldNotObserve(trouble, asked=answers[0].asked, came_back=came_back, hint="set SELF_CHECK_API_KEY")


def _again(target: Target, wire: Wire, files: Sequence[tuple[str, Sending]], *, exact: bool) -> list[list[Asked]]:
    """Send the same files again: twice where processes are addressed, else until a cache has answered."""
    if exact:
        rounds = [ask(target, files) for _ in range(2)]
        return [list(asked) for asked in zip(*rounds, strict=True)]
    found = []
    for one in files:
        asked: list[Asked] = []
        while len(asked) < wire.tries_max and not any(dig(body_of(one), wire.cached) is True for one in asked):
            asked += ask(target, [one])
        found.append(asked)
    return found


def _elsewhere(target: Target, files: Sequence[tuple[str, Sending]], places: Places, acts: int) -> list[list[Asked]]:
    """Send one file of each drawing to all other processes; through a load balancer on connections of their own."""
    asks: list[tuple[int, tuple[str, Sending]]] = []
    for number, (who, sending) in enumerate(files[:acts]):
        if len(places) > 1:
            others = [(name, replace(sending, base=base)) for name, base in places if name != who]
        else:
            probes = target.contract.platform.limits.replica_probes
            others = [(who, replace(sending, headers={"Connection": "close"}))] * probes
        asks += [(number, other) for other in others]
    asked = ask(target, [request for _, request in asks])
    return [[one for (number, _), one in zip(asks, asked, strict=True) if number == file] for file in range(len(files))]


def _batch(target: Target, wire: Wire, acts: Sequence[Act], who: str, base: str | None) -> Batch:
    payloads = tuple(new_file(target, act) for act in reversed(acts))
    alike = tuple(replace(payload, filename=payloads[0].filename) for payload in payloads)
    batch = target.contract.act(wire.batch)
    together = ask(target, [(who, Sending(batch, payloads=payloads, base=base))])[0]
    singly = tuple(ask(target, [(who, Sending(acts[0], payload=payload, base=base)) for payload in payloads]))
    namesakes = ask(target, [(who, Sending(batch, payloads=alike, base=base))])[0]
    drawn = corpus.plates(f"{target.platform.mark}-plates")
    plates = ask(target, [(who, Sending(batch, payloads=drawn, base=base))])[0]
    return Batch(
        together,
        singly,
        tuple(payload.filename for payload in payloads),
        namesakes,
        plates,
        tuple(each.filename for each in drawn),
    )


def _meters(target: Target, wire: Wire) -> Mapping[str, Scrape]:
    """Read the cache's metrics of every process; empty where there are none to be read."""
    families = (wire.size_gauge, wire.hits_counter, wire.misses_counter)
    try:
        return snapshot(target, families).scrapes
    except CouldNotObserve:
        return {}


def snapshot(target: Target, families: Iterable[str]) -> Snapshot:
    """Read some metrics of every process that classifies; raises CouldNotObserve."""
    component = Component.CLASSIFIER
    found = target.replicas(component)
    return replicas.snapshot(target.platform, target.contract, found, component=component, families=families)


def _statistics_at(target: Target, wire: Wire, places: Places) -> Places:
    """Say where statistics are read: of the processes that classify, or of the app where these do not serve them."""
    if not target.scope.covers(Component.ADMIN_TOKEN):
        return []
    own = target.platform.base(Component.CLASSIFIER)
    here = [(who, base or own) for who, base in places]
    if own == target.platform.base():
        return here
    first = statistics(target, wire, here[:1])[0].answer
    return [("", None)] if isinstance(first, Answer) and first.status in NO_ROUTE else here


def statistics(target: Target, wire: Wire, places: Places) -> list[Asked]:
    """Read the cache's statistics of each process."""
    act = target.contract.act(wire.statistics)
    return ask(target, [(who, Sending(act, base=base)) for who, base in places])


def body_of(asked: Asked) -> Mapping[str, Any] | None:
    """Give the JSON object of a successful answer; None where there is none."""
    if isinstance(asked.answer, CouldNotObserve) or asked.answer.status != OK:
        return None
    try:
        body = asked.answer.json()
    except CouldNotObserve:
        return None
    return body if isinstance(body, Mapping) else None


@dataclass(frozen=True, slots=True)
class Filled:
    """A cache filled by so many new files, after one that was used again in the meantime and one that was not.

    `others` says how many files of other clients it met at the same time. `unanswered` are those of all these requests
    that classified nothing.
    """

    max_size: int
    used: Asked
    idle: Asked
    unanswered: tuple[Asked, ...]
    others: float
    statistics: Asked


def fill(target: Target, wire: Wire, place: tuple[str, str | None], max_size: int) -> Filled:
    """Fill the cache of one process with new files."""
    who, base = place
    act = target.contract.act(wire.parts[0])

    def send(payloads: Sequence[corpus.Payload]) -> list[Asked]:
        return ask(target, [(who, Sending(act, payload=payload, base=base)) for payload in payloads])

    def misses() -> float:
        body = body_of(statistics(target, wire, [place])[0])
        return numbers({"": dig(body, wire.misses)}).get("", math.inf)

    used, idle, *fillers = (new_file(target, act) for _ in range(max_size + 2))
    before = misses()
    asked = [*send([used]), *send([idle])]
    # In two halves, with a use between them: other clients' files may push out what was not used for a while.
    asked += send(fillers[: max_size // 2]) + send([used]) + send(fillers[max_size // 2 :])
    used_again = send([used])[0]
    own = sum(dig(body_of(one) or {}, wire.cached) is False for one in (*asked, used_again))
    others = misses() - before - own
    idle_again = send([idle])[0]
    unanswered = tuple(one for one in (*asked, used_again, idle_again) if body_of(one) is None)
    return Filled(max_size, used_again, idle_again, unanswered, others, statistics(target, wire, [place])[0])


def numbers(value: object) -> dict[str, float]:
    """Give what are numbers in a JSON object, by name."""
    pairs = value.items() if isinstance(value, Mapping) else ()
    return {str(name): each for name, each in pairs if isinstance(each, int | float) and not isinstance(each, bool)}
