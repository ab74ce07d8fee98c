"""Looking at a rate limit: a client uses up its allowance, others watch, and it comes back when it was told to."""

from __future__ import annotations

import datetime as dt
import email.utils
import secrets
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import Field

from selfcheck import counting
from selfcheck.classifying import OK, Asked, Wire, ask, look, snapshot, spots_of
from selfcheck.clients.http import Answer
from selfcheck.clients.platform import Caller, Sending
from selfcheck.contract import ActName, Component, Model, RouteName
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.values import dig, shown
from selfcheck.waiting import pause

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from selfcheck.clients.platform import Sent
    from selfcheck.contract import Act
    from selfcheck.replicas import Snapshot
    from selfcheck.target import Target

TOO_MANY = 429


class Limit(Model):
    """How the rate limit is called, and how far a look at it may go."""

    act: ActName = Field(description="Act whose number is limited; each time the same file, so that caches answer.")
    besides: ActName = Field(description="An act of another service, which must not be counted for this limit.")
    health: RouteName
    per_window: str = Field(description="Path on the health page to the number of requests in a window.")
    burst: str = Field(description="Path on the health page to the number of requests beyond it.")
    counter: str = Field(description="Counter of refused requests.")
    other_counters: tuple[str, ...] = Field((), description="Counters of what other limits refuse.")
    forwarded_header: str = Field(description="Header in which proxies name the client's address.")
    retry_after_seconds_max: float = Field(60, gt=0)
    requests_max: int = Field(ge=1, description="Limits that need more requests than this are not tried.")
    requests_left: int = Field(ge=0, description="So many of the run's requests are left for others.")
    beyond: int = Field(4, ge=1, description="How many requests are sent beyond the limit.")
    one_by_one: int = Field(8, ge=1, description="How many of the last ones within the limit are sent one by one.")
    recovery_wait_seconds_max: float = Field(ge=0, description="Longer waits are not waited for.")


@dataclass(frozen=True, slots=True)
class Witness:
    """Another client's request before the limit was reached, and after.

    `apart` is true where it comes from another address as well as with another credential (or without one).
    `spent` says how much of the witness' own allowance this run may have used up.
    """

    name: str
    apart: bool
    spent: int
    before: Asked
    after: Asked


@dataclass(frozen=True, slots=True)
class Burst:
    """All requests of one client in a short time: how many were allowed, and what came back otherwise.

    `fresh` is true where the client had asked for nothing in the window before. `processes` is how many may have
    counted on their own: 1 where one was addressed, 0 where it is not known. `spent` is what this run has asked for
    before in the same window, as whatever client that may have been the same one for the platform.
    """

    allowed: int
    sent: int
    served: int
    refused: tuple[Asked, ...]
    other: tuple[Asked, ...]
    seconds: float
    window_seconds: float
    fresh: bool
    processes: int
    spent: int
    where: str


@dataclass(frozen=True, slots=True)
class Disguised:
    """The refused client at the load balancer: as it is, and with a header that claims that it is somebody else.

    `plain` has one request more than `claiming`: they were sent in turns, the plain ones first and last.
    """

    plain: tuple[Asked, ...]
    claiming: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class Exhausted:
    """What was seen of the rate limit.

    `counted` is how far the counter of refusals grew on all processes, and `trouble` what makes that worthless. There
    were as many as `turned_away`; `spare` more are in order, where a batch may count as each of its files.
    `elsewhere` are a request of the same client to another process and, where that one served it, one more to the
    first process; `batch` is likewise a batch of files, and a single one after it. `told_seconds` is how long it was
    told to wait, None where it was not told. `mistaken` is how far each counter of other limits grew meanwhile.
    """

    burst: Burst
    counted: float
    turned_away: int
    trouble: str
    spare: int = 0
    mistaken: Mapping[str, float] = field(default_factory=dict)
    elsewhere: tuple[Asked, ...] = ()
    batch: tuple[Asked, ...] = ()
    disguised: Disguised | None = None
    witnesses: tuple[Witness, ...] = ()
    told_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Recovery:
    """The refused client after the time that it was told to wait; nothing of it where that was not waited for.

    `recovered` are its requests. `idle` is how far the counter of refusals grew while this run sent nothing that is
    limited; None where it did send something.
    """

    recovered: tuple[Asked, ...] = ()
    idle: float | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """As whom requests are sent: a credential, an address of this machine (None: its usual one), and to whom."""

    caller: Caller
    source: str | None
    base: str | None
    act: Act = field(repr=False)

    def sending(self) -> Sending:
        """Make a request of this client, which never waits for a rate limit."""
        return Sending(self.act, caller=self.caller, base=self.base, source=self.source, waits=False)


@dataclass(frozen=True, slots=True)
class _Refused:
    """Where the look at a limit stopped: who was refused until when (Unix time), and the counters then."""

    client: Client
    who: str
    at: float
    counters: Snapshot


def exhaust(target: Target, limit: Limit, wire: Wire) -> Exhausted:
    """Use up an allowance, once a run; raises CouldNotObserve."""
    return _exhausted(target, limit, wire)[0]


def recover(target: Target, limit: Limit, wire: Wire) -> Recovery:
    """Wait as the refused client was told to, and ask again, once a run; raises CouldNotObserve.

    The longer ago the client was refused, the less is left to wait for: other checks may run in between.
    """
    return target.once("classifier limit is over", lambda: _recover(target, limit, *_exhausted(target, limit, wire)))


def _exhausted(target: Target, limit: Limit, wire: Wire) -> tuple[Exhausted, _Refused]:
    return target.once("classifier limit", lambda: _exhaust(target, limit, wire))


def _exhaust(target: Target, limit: Limit, wire: Wire) -> tuple[Exhausted, _Refused]:
    """Use up the allowance of a client that nobody else is; raises CouldNotObserve."""
    seen, spots = look(target, wire), spots_of(target, wire)
    who, base = next(iter(spots.items()), ("", None))
    allowed = _allowed(target, limit, who)
    act = target.contract.act(limit.act)
    # A listed address on loopback is the process itself: it sees from which of this machine's addresses we come.
    apart = base is not None and _is_loopback(base)
    client = _client(target, act, who, base, apart=apart)
    caller = client.caller
    watched = [
        Client(other, _address() if apart and other is Caller.NOBODY else None, base, act)
        for other in (Caller.OWN, Caller.NOBODY)
        if other is not caller and (other is Caller.NOBODY or target.scope.covers(Component.API_KEY))
    ]
    one_process = bool(spots) and all(repeated.exact for repeated in seen.repeated)
    processes = 1 if one_process else 0 if spots else target.scope.environment.replicas or 0
    earlier = [ask(target, [(who, other.sending())])[0] for other in watched]
    counters = [limit.counter, *limit.other_counters]
    before = snapshot(target, counters)
    burst = _burst(target, limit, client, who, allowed, processes=processes)
    window = burst.window_seconds
    # Someone may have used the client's credential just before, such as another run of this suite; after a window of
    # silence nobody has. Or it took so long that a part of the allowance came back meanwhile.
    unexplained = burst.served + burst.spent < allowed
    doubtful = burst.served < allowed or (burst.served > allowed and burst.seconds > window / 2)
    if not burst.other and (
        (doubtful and _pauses(window, limit)) or (unexplained and target.platform.has_waited(window))
    ):
        client = replace(client, source=_address() if apart else None)
        before = snapshot(target, counters)
        fresh = apart and caller is Caller.OTHER
        burst = _burst(target, limit, client, who, allowed, processes=processes, fresh=fresh)
    elsewhere = _elsewhere(target, client, spots, who) if burst.refused else ()
    batch = (
        _twice(target, replace(client, act=target.contract.act(wire.batch)), client, who, who) if burst.refused else ()
    )
    later = [ask(target, [(who, other.sending())])[0] for other in watched]
    disguised = _disguised(target, limit, client) if burst.refused else None
    after = snapshot(target, counters)
    grown, trouble = counting.growth(before, after, counters)
    others = [*later, *elsewhere, *batch, *((*disguised.plain, *disguised.claiming) if disguised is not None else ())]
    turned_away = len(burst.refused) + sum(status_of(asked) == TOO_MANY for asked in others)
    witnesses = tuple(
        Witness(
            f"a client with {_CREDENTIAL[other.caller]}{f' at {other.source}' if other.source else ''}",
            apart,
            _spent(target, act, window, (other.caller,)),
            old,
            new,
        )
        for other, old, new in zip(watched, earlier, later, strict=True)
    )
    counted = sum(grown[limit.counter].values())
    told = told_seconds(burst.refused[-1].answer) if burst.refused else None
    spare = sum(status_of(asked) == TOO_MANY for asked in batch) * (target.contract.act(wire.batch).copies - 1)
    mistaken = {name: sum(grown[name].values()) for name in limit.other_counters}
    found = Exhausted(
        burst, counted, turned_away, trouble, spare, mistaken, elsewhere, batch, disguised, witnesses, told
    )
    return found, _Refused(client, who, time.time(), after)


def _recover(target: Target, limit: Limit, seen: Exhausted, refused: _Refused) -> Recovery:
    if seen.told_seconds is None:
        return Recovery()
    client, path = refused.client, target.contract.route(refused.client.act.route).path
    # Whatever another check has asked as that client since was another look at its allowance.
    own = [one.at_seconds for one in target.platform.sent if one.caller is client.caller and one.path == path]
    left = max([refused.at, *own]) + seen.told_seconds - time.time()
    if left > min(limit.recovery_wait_seconds_max, target.deadline.left_seconds):
        return Recovery()
    pause(max(0.0, left))
    idle: float | None = None
    if not spent(target.platform.sent, path, refused.at, tuple(Caller)):
        grown, _ = counting.growth(refused.counters, snapshot(target, [limit.counter]), [limit.counter])
        idle = sum(grown[limit.counter].values())
    recovered = ask(target, [(refused.who, client.sending())])
    if status_of(recovered[0]) == TOO_MANY:
        pause(1.0)  # whole seconds may have been rounded down
        recovered += ask(target, [(refused.who, client.sending())])
    return Recovery(tuple(recovered), idle)


def _elsewhere(target: Target, client: Client, spots: Mapping[str, str | None], who: str) -> tuple[Asked, ...]:
    """Ask another process as the client that one process refuses; and that one again, if the other one serves it."""
    others = [(name, base) for name, base in spots.items() if base is not None and base != client.base]
    if not others:
        return ()
    return _twice(target, replace(client, base=others[0][1]), client, others[0][0], who)


def _twice(target: Target, other: Client, client: Client, whom: str, who: str) -> tuple[Asked, ...]:
    """Ask in another way as the client that is refused; where that is served, ask in the first way again."""
    asked = ask(target, [(whom, other.sending())])
    if status_of(asked[0]) == OK:
        asked += ask(target, [(who, client.sending())])
    return tuple(asked)


def _disguised(target: Target, limit: Limit, client: Client) -> Disguised:
    """Ask the load balancer as the refused client, with and without a header that claims another address.

    One that is served in its disguise is asked again, in turns: processes that count apart refuse by chance.
    """
    here = replace(client, base=None, source=None).sending()
    plain = list(ask(target, [("", here)]))
    claiming: list[Asked] = []
    while len(claiming) < _TURNS and status_of(plain[-1]) == TOO_MANY:
        claimed = replace(here, headers={limit.forwarded_header: _address()})
        claiming += ask(target, [("", claimed)])
        if status_of(claiming[-1]) != OK:
            break
        plain += ask(target, [("", here)])
    return Disguised(tuple(plain), tuple(claiming))


_TURNS = 4


def _pauses(seconds: float, limit: Limit) -> bool:
    if seconds > limit.recovery_wait_seconds_max:
        return False
    pause(seconds)
    return True


def _client(target: Target, act: Act, who: str, base: str | None, *, apart: bool) -> Client:
    """Choose a client that has asked for nothing yet.

    That is the one with the second key, or one without a key at an address that nobody uses, where these are served.
    """
    source = _address() if apart else None
    if target.scope.covers(Component.OTHER_API_KEY):
        return Client(Caller.OTHER, source, base, act)
    nobody = Client(Caller.NOBODY, source, base, act)
    own = target.scope.covers(Component.API_KEY)
    if own and not (apart and status_of(ask(target, [(who, replace(nobody, source=_address()).sending())])[0]) == OK):
        return Client(Caller.OWN, source, base, act)
    return nobody


_CREDENTIAL = {Caller.OWN: "another API key", Caller.NOBODY: "no API key"}


def _allowed(target: Target, limit: Limit, who: str) -> int:
    """Read on the health page how many requests a client may make in a window; raises CouldNotObserve."""
    pages = target.pages(limit.health)
    page = next((page for page in pages if page.who == who), pages[0])
    parts = [dig(page.answer.json(), path) for path in (limit.per_window, limit.burst)]
    numbers = [part for part in parts if isinstance(part, int) and not isinstance(part, bool)]
    if len(numbers) < len(parts):
        came_back = f"{limit.per_window} is {shown(parts[0])}, {limit.burst} is {shown(parts[1])}"
        hint = "name the limits in the contract's classifier.toml"
        raise CouldNotObserve(Trouble.UNEXPECTED_ANSWER, asked=page.answer.asked, came_back=came_back, hint=hint)
    left = target.contract.platform.limits.requests_max - target.platform.requests_sent - limit.requests_left
    most = max(0, min(limit.requests_max, left))
    if sum(numbers) + limit.beyond > most:
        came_back = f"a client may ask {sum(numbers)} times; no more than {most} requests are sent"
        hint = "look at a deployment with lower limits, or raise `requests_max` in the contract's classifier.toml"
        raise CouldNotObserve(Trouble.NO_SUCH_ROUTE, asked=page.answer.asked, came_back=came_back, hint=hint)
    return sum(numbers)


def _burst(
    target: Target, limit: Limit, client: Client, who: str, allowed: int, *, processes: int, fresh: bool = False
) -> Burst:
    window = target.scope.environment.rate_limit_window_seconds
    # From an address of its own it is another client than the run's others that have another credential, or none,
    # whatever the platform goes by.
    callers = (client.caller,) if client.source is not None else tuple(Caller)
    already = _spent(target, client.act, window, callers)
    ask(target, [(who, replace(client, act=target.contract.act(limit.besides)).sending())])
    started = time.monotonic()
    # Near the limit one by one: which of several at once comes first is nobody's promise.
    slow = min(limit.one_by_one, allowed)
    asked = ask(target, [(who, client.sending())] * (allowed - slow))
    for _ in range(slow + limit.beyond):
        if sum(status_of(one) == TOO_MANY for one in asked) >= limit.beyond:
            break
        asked += ask(target, [(who, client.sending())])
    seconds = time.monotonic() - started
    refused = tuple(one for one in asked if status_of(one) == TOO_MANY)
    other = tuple(one for one in asked if status_of(one) not in (OK, TOO_MANY))
    served = len(asked) - len(refused) - len(other)
    where = f"{asked[-1].where}, {len(asked)} times in {seconds:.1f} s"
    return Burst(allowed, len(asked), served, refused, other, seconds, window, fresh, processes, already, where)


def _spent(target: Target, act: Act, window_seconds: float, callers: Sequence[Caller]) -> int:
    path = target.contract.route(act.route).path
    return spent(target.platform.sent, path, time.time() - window_seconds, callers)


def spent(sent: Sequence[Sent], path: str, since: float, callers: Sequence[Caller]) -> int:
    """Count what this run's requests of some callers may have used up of a route's allowance since a moment.

    Whether routes beneath the limited one (a batch) are counted with it, and a batch by its files, is the platform's
    choice, and so is whether it counts what it refuses for its form: all of it is counted here.
    """
    return sum(
        one.files
        for one in sent
        if one.caller in callers and one.at_seconds >= since and (one.path == path or one.path.startswith(f"{path}/"))
    )


def status_of(asked: Asked) -> int:
    """Give the HTTP status; 0 where no answer came."""
    return asked.answer.status if isinstance(asked.answer, Answer) else 0


def _is_loopback(url: str) -> bool:
    return (urlsplit(url).hostname or "").startswith("127.")


def _address() -> str:
    """Make up a loopback address from which most likely nobody has asked yet."""
    return ".".join(["127", *(str(1 + secrets.randbelow(254)) for _ in range(3))])


def told_seconds(answer: Answer | CouldNotObserve) -> float | None:
    """Read how long a refused client is to wait: seconds, or a date; None where it is neither."""
    text = "" if isinstance(answer, CouldNotObserve) else answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return (moment - dt.datetime.now(moment.tzinfo)).total_seconds()
