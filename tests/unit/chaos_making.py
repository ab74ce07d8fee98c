"""Makes experiments that never took place: a small platform with breakers and alerts, and what a sampler sees of it.

A `World` says what is made; only what a case is about needs to be said, the rest is a platform that keeps its promises
while one of its providers is away. Requests, breakers and alerts are worked out event by event, so that concurrency,
other traffic and lag are as they would be.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from chaos import promises
from chaos import timeline as times
from chaos.evidence import Evidence
from chaos.plan import Experiment
from chaos.record import Done, Look, Record, Rule, Traffic
from chaos.timeline import Alert, Alerts, Figures, Mark, Notification, Page, Probed, Replica, Timeline
from tests.unit.making import promise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chaos.timeline import Seen

UNIX = 1_700_000_000.0
KEY = "paddle"
REFUSAL = "CIRCUIT_OPEN"
FAILURE = "PROVIDER_DOWN"
REQUESTS = "ocr_requests_total"
ERRORS = "ocr_errors_total"
LIMITS = {"failures": 5.0, "timeout": 8.0, "provider_timeout": 3.0}
BREAKER_READS = "ocr_circuit_state"

EXPERIMENT = {
    "name": "paddle_down",
    "says": "paddle is taken away",
    "faults": [{"lever": "paddle", "kind": "down"}],
    "probe": "paddle",
    "controls": ["vision"],
    "provider": KEY,
}
BREAKER = {
    "experiment": "paddle_down",
    "probe": "paddle",
    "key": KEY,
    "code": REFUSAL,
    "failures_of": "failures",
    "timeout_of": "timeout",
    "requests": REQUESTS,
}
BITES = promise(promises.Bites, id="chaos.paddle_down.bites", experiment="paddle_down")
OPEN_RULE = Rule(
    name="BreakerOpen",
    group="g",
    for_seconds=10,
    interval_seconds=2,
    severity="warning",
    reads=(BREAKER_READS,),
    receivers=("chat",),
    repeat_seconds=60,
)
OTHER_RULE = Rule(
    name="Latency",
    group="g",
    for_seconds=10,
    interval_seconds=2,
    severity="warning",
    reads=("latency",),
    receivers=("chat",),
)
PAGE_RULE = Rule(
    name="BreakersOpen",
    group="g",
    for_seconds=10,
    interval_seconds=2,
    severity="critical",
    reads=("ratio",),
    receivers=("pager",),
)


def breaker(aspect: str, **fields: Any) -> promises.Breaker:
    """Make a promise about the breaker of the world."""
    return promise(promises.Breaker, **{**BREAKER, "aspect": aspect, **fields})


@dataclass
class Fuse:
    """A circuit breaker, with what may be wrong about it."""

    failures: int | None = 5
    open_seconds: float = 8.0
    trials: int | None = 1
    closes: bool = True
    row: int = 0
    opened: float | None = None
    under_way: int = 0

    def asks(self, now: float) -> str:
        """Say whether a request is refused, let through, or let through as a trial."""
        if self.opened is None:
            return "through"
        if now < self.opened + self.open_seconds:
            return "refused"
        if self.trials is not None and self.under_way >= self.trials:
            return "refused"
        self.under_way += 1
        return "trial"

    def ends(self, now: float, kind: str, *, good: bool) -> None:
        """Take the end of a request that was let through."""
        if kind == "trial":
            self.under_way -= 1
            if not good or not self.closes:
                self.opened = now
            else:
                self.opened, self.row = None, 0
        elif self.opened is None:
            self.row = 0 if good else self.row + 1
            if self.failures is not None and self.row >= self.failures:
                self.opened, self.under_way = now, 0

    def value(self, now: float) -> float:
        """Give what its gauge shows."""
        if self.opened is None:
            return 0.0
        return 1.0 if self.under_way and now >= self.opened + self.open_seconds else 2.0


@dataclass
class World:
    """What is made. Times are seconds of the timeline; `good_share` is the part that the fault lets through."""

    fault: bool = True
    begin: float = 3.0
    hold: float = 40.0
    settle: float = 40.0
    replicas: tuple[str, ...] = ("one", "two", "three")
    fuse: Callable[[], Fuse] = Fuse
    shared: bool = False
    good_share: float = 0.0
    fail_seconds: float = 0.02
    refuse_seconds: float = 0.005
    rate: float = 5.0
    others: float = 0.0
    seed: int = 1
    jitter: float = 0.0
    broken_after: float = 0.0
    code: str = FAILURE
    gauge: Callable[[float, float], float | None] = lambda _, value: value
    page: Callable[[float, bool], bool] = lambda _, ready: ready
    ratio: Callable[[float, float], float] = lambda _, value: value
    counted_share: float = 1.0
    average: Callable[[float, bool], float] = lambda value, bad: value + 0.1 * (bad - value)
    """Of the errors: what it becomes with a request."""
    lost_samples: float = 0.0
    alerts: bool = True
    pending_for: float = 10.0
    fires: bool = True
    resolves: bool = True
    tells: bool = True
    tells_end: bool = True
    receiver: str = "chat"
    twice: bool = False
    state: str = "active"
    rules: tuple[Rule, ...] = (OPEN_RULE, OTHER_RULE)
    experiment: dict[str, Any] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)
    more: tuple[Seen, ...] = ()
    without: tuple[type[Seen], ...] = ()
    bites: promises.Bites | None = BITES

    @property
    def injected(self) -> float:
        return self.begin + 0.05

    @property
    def undone(self) -> float:
        return self.injected + self.hold

    @property
    def over(self) -> float:
        return self.undone + self.settle


def sample(kind: type[Seen], since: float, **fields: Any) -> Any:
    """Make a sample of the timeline."""
    return kind(at=UNIX + since, since=since, **fields)


def evidence(**fields: Any) -> Evidence:
    """Make a world, and what was seen of it."""
    return of(World(**fields))


@cache
def _usual() -> tuple[Seen, ...]:
    """Give what is seen of a world of which nothing is said; most cases change no more than what is made of it."""
    return tuple(_Play(World()).play())


_JUDGED_ONLY = ("rules", "experiment", "record", "more", "without", "bites")


def of(world: World) -> Evidence:
    """Give what was seen of a world."""
    usual = replace(World(), **{name: getattr(world, name) for name in _JUDGED_ONLY}) == world
    played = _usual() if usual else _Play(world).play()
    seen = [each for each in (*played, *world.more) if not isinstance(each, world.without)]
    record: dict[str, Any] = {
        "run_id": "run",
        "experiment": "paddle_down",
        "environment": "local",
        "base_url": "http://platform",
        "started_at": "2023-11-14T22:13:20Z",
        "started_unix_seconds": UNIX,
        "faults": (
            Done(
                fault="paddle: down",
                target="proxy paddle",
                undo="enable the proxy",
                injected=world.injected,
                proof="enabled is false",
                undone=world.undone,
                undo_steps=("enable",),
            ),
        ),
        "before": (Look(id="health.status", outcome="PASS"),),
        "after": (Look(id="health.status", outcome="PASS"),),
        "replicas": world.replicas,
        "replicas_wanted": len(world.replicas),
        "limits": LIMITS,
        "rules": world.rules,
        "watched": ("prometheus", "alertmanager", "receiver"),
        "scrape_seconds": 2.0,
        "traffic": Traffic(planned=500, answered=450, failed=50, seconds=80),
    }
    return Evidence(
        record=Record(**{**record, **world.record}),
        timeline=Timeline(seen),
        experiment=Experiment.model_validate({**EXPERIMENT, **world.experiment}),
        bites=world.bites,
    )


AVERAGE = "ocr_error_rate_ema"


class _Play:
    """One play of a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.random = random.Random(world.seed)
        one = world.fuse()
        self.fuses = {name: one if world.shared else world.fuse() for name in world.replicas}
        self.counters: dict[str, dict[str, float]] = {name: {} for name in world.replicas}
        self.seen: list[Seen] = []
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.opened: list[tuple[float, bool]] = []

    def at(self, when: float, what: Callable[[], None]) -> None:
        heapq.heappush(self.events, (when, len(self.events) + self.random.randrange(10**9), what))

    def play(self) -> Sequence[Seen]:
        world = self.world
        marks = [(times.STARTED, 0.0)]
        marks += [(times.INJECTING, world.begin), (times.INJECTED, world.injected)]
        marks += [(times.UNDOING, world.undone - 0.05), (times.UNDONE, world.undone), (times.ENDED, world.over)]
        self.seen += [sample(Mark, since, name=name) for name, since in marks]
        for index, name in enumerate(world.replicas):
            self.each(1 / world.rate, 0.01 * index, partial(self.asks, name=name, own=True))
            if world.others:
                self.poisson(world.others, partial(self.asks, name=name, own=False))
            self.each(0.2, 0.013 * index, partial(self.reads, name=name))
            self.each(0.5, 0.017 * index, partial(self.pages, name=name))
        self.each(0.2, 0.005, self.controls)
        while self.events:
            now, _, what = heapq.heappop(self.events)
            if now > world.over:
                break
            what()
        if world.alerts:
            self.watches()
        self.figures()
        return self.seen

    def each(self, step: float, offset: float, what: Callable[[float], None]) -> None:
        now = offset
        while now < self.world.over:
            when = now + self.random.random() * self.world.jitter
            self.at(when, partial(what, when))
            now += step

    def poisson(self, rate: float, what: Callable[[float], None]) -> None:
        now = self.random.expovariate(rate)
        while now < self.world.over:
            self.at(now, partial(what, now))
            now += self.random.expovariate(rate)

    def is_there(self, now: float) -> bool:
        return self.world.fault and self.world.begin + 0.02 <= now < self.world.undone - 0.02

    def asks(self, now: float, name: str, *, own: bool) -> None:
        """Send a request through the breaker of a replica; the probe is late by some milliseconds, as it would be."""
        world, fuse = self.world, self.fuses[name]
        sent = now + 0.002 + self.random.random() * 0.003
        kind = fuse.asks(sent)
        if kind == "refused":
            seconds = world.refuse_seconds
            self.at(sent + seconds, lambda: self.answers(now, seconds, name, "refused", own=own))
            return
        bad = self.is_there(now) and self.random.random() >= world.good_share
        bad = bad or (now >= world.undone and self.random.random() < world.broken_after)
        seconds = (world.fail_seconds if bad else 0.03) * (1 + self.random.random() * 0.2)

        def ends() -> None:
            fuse.ends(sent + seconds, kind, good=not bad)
            self.answers(now, seconds, name, "bad" if bad else "good", own=own)

        self.at(sent + seconds, ends)

    def answers(self, due: float, seconds: float, name: str, how: str, *, own: bool) -> None:
        code = {"refused": REFUSAL, "bad": self.world.code, "good": ""}[how]
        if self.random.random() < self.world.counted_share:
            counters = self.counters[name]
            key = f'{REQUESTS}{{provider="{KEY}",status="{"error" if code else "success"}"}}'
            counters[key] = counters.get(key, 0.0) + 1
            if code:
                key = f'{ERRORS}{{code="{code}",provider="{KEY}",stage="init"}}'
                counters[key] = counters.get(key, 0.0) + 1
        average = self.counters[name].get(AVERAGE, 0.0)
        self.counters[name][AVERAGE] = self.world.average(average, bool(code))
        if own:
            self.seen.append(
                sample(
                    Probed,
                    due,
                    probe="paddle",
                    outcome="failed" if code else "ok",
                    seconds=seconds + 0.008,
                    replica=name,
                    status=200,
                    code=code,
                    answered_by=KEY,
                )
            )

    def controls(self, now: float) -> None:
        self.seen.append(sample(Probed, now, probe="vision", outcome="ok", seconds=0.02, status=200, answered_by="v"))

    def reads(self, now: float, name: str) -> None:
        if self.random.random() < self.world.lost_samples:
            return
        value = self.fuses[name].value(now)
        shown = self.world.gauge(now, value)
        states = {"deepseek": 0.0} | ({} if shown is None else {KEY: shown})
        self.opened.append((now, value == 2.0))
        self.seen.append(
            sample(Replica, now, replica=name, up=True, breakers=states, counters=dict(self.counters[name]), began=1.0)
        )

    def pages(self, now: float, name: str) -> None:
        ready = self.fuses[name].value(now) != 2.0 and not self.is_there(now)
        providers = {KEY: self.world.page(now, ready)}
        self.seen.append(sample(Page, now, replica=name, status=200, providers=providers))

    def watches(self) -> None:
        """Let the alert on open breakers go its way, evaluated every two seconds, and sampled twice a second."""
        world = self.world
        active: float | None = None
        told = firing = False
        number = 0
        evaluated = 0.7
        states: list[tuple[float, str]] = []
        while evaluated < world.over:
            opened = [value for at, value in self.opened if evaluated - 3 < at <= evaluated - 1]
            if any(opened) or (firing and not world.resolves):
                active = evaluated if active is None else active
                firing = world.fires and evaluated - active >= world.pending_for
                if firing and not told and world.tells:
                    told = True
                    for _ in range(2 if world.twice else 1):
                        number += 1
                        self.tells(evaluated + 1 + number * 1.0, number, "firing")
            else:
                if told and firing and world.tells_end:
                    number += 1
                    self.tells(evaluated + 1, number, "resolved")
                active, firing, told = None, False, False
            states.append((evaluated, "firing" if firing else "pending" if active is not None else ""))
            evaluated += 2
        now = 0.1
        while now < world.over:
            state = next((state for at, state in reversed(states) if at <= now), "")
            alert = Alert("BreakerOpen", state, {"key": KEY, "severity": "warning"}, active_at=0.0)
            if self.random.random() >= world.lost_samples:
                self.seen.append(sample(Alerts, now, source="prometheus", alerts=(alert,) if state else ()))
                known = (Alert("BreakerOpen", world.state, alert.labels),) if state == "firing" and world.state else ()
                self.seen.append(sample(Alerts, now + 0.01, source="alertmanager", alerts=known))
            now += 0.5

    def tells(self, since: float, number: int, status: str) -> None:
        if since < self.world.over:
            self.seen.append(
                sample(
                    Notification,
                    since,
                    number=number,
                    receiver=self.world.receiver,
                    status=status,
                    name="BreakerOpen",
                    labels={"key": KEY, "severity": "warning"},
                    received=UNIX + since,
                )
            )

    def figures(self) -> None:
        """Let the watched ratio be what the gauges were a scrape ago, held for an evaluation."""
        world = self.world
        values: list[tuple[float, float]] = []
        evaluated = 1.0
        while evaluated < world.over:
            recent = [value for at, value in self.opened if evaluated - 1.5 < at <= evaluated - 0.5][-3:]
            values.append((evaluated, sum(recent) / (2 * len(recent)) if recent else 0.0))
            evaluated += 2
        now = 0.15
        while now < world.over:
            value = next((value for at, value in reversed(values) if at <= now), 0.0)
            self.seen.append(sample(Figures, now, values={"breakers_open_ratio": world.ratio(now, value)}))
            now += 0.5
