"""The live target of a run: its clients, and every observation that checks share.

Each thing is looked at once a run and the observation (or the reason why there is none) is kept, so a hundred checks on
the health page cost a handful of requests. Judging is not done here.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, TypeVar, cast

from selfcheck import counting, replicas
from selfcheck.answering import breach
from selfcheck.clients.alertmanager import Alertmanager
from selfcheck.clients.http import Answer, Http
from selfcheck.clients.platform import Caller, Platform, Sending
from selfcheck.clients.prometheus import Prometheus, QueryResult, RuleGroup
from selfcheck.clients.prometheus import Target as ScrapeTarget
from selfcheck.contract import Act, Component, Contract, Promise
from selfcheck.counting import Beside, Counting, Evidence, Window
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.replicas import Replicas, Snapshot
from selfcheck.secrets import Secrets
from selfcheck.settings import Scope
from selfcheck.verdict import Verdict
from selfcheck.waiting import Deadline, pause

T = TypeVar("T")
_NOT_FOUND = 404
_SHARED_ATTEMPTS = 2  # to count, before promises of one sample are tried apart
_ASKS_PER_PROCESS = 4
_ASKS_MAX = 12  # with three processes chosen at random, one in forty pages misses one


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of a page of the platform: whom it was asked of, and when."""

    who: str
    answer: Answer


@dataclass(slots=True)
class Target:
    """Everything that checks may look at; made once a run."""

    contract: Contract
    scope: Scope
    http: Http
    secrets: Secrets
    deadline: Deadline
    platform: Platform
    prometheus: Prometheus | None
    alertmanager: Alertmanager | None
    blocked: dict[Component, str] = field(default_factory=dict)
    """Components that the preflight found unusable, and the promise that says why."""
    absent: dict[Component, Verdict] = field(default_factory=dict)
    """Components that this platform turns out not to have."""
    left_behind: list[str] = field(default_factory=list)
    """What the run registered on the target and could not remove."""
    expected: tuple[Promise, ...] = ()
    """What this run will look at, where that is known before."""
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set when the run is over: what was begun and is not finished ends."""
    _kept: dict[object, Any] = field(default_factory=dict)
    _behind: ThreadPoolExecutor | None = None
    _numbers: Iterator[int] = field(default_factory=count)
    _counted_last: dict[Component, Snapshot] = field(default_factory=dict)
    """What was read of everything after the last requests that were counted, where no process was missing."""

    def once(self, key: object, look: Callable[[], T]) -> T:
        """Look once and keep what was seen; a failure to see is kept as well and raised again.

        So is a defect of the suite: the next check must not send the same requests into it again.
        """
        if key not in self._kept:
            try:
                self._kept[key] = look()
            except Exception as error:  # noqa: BLE001 - raised below, now and for every other check that looks
                self._kept[key] = error
        kept = self._kept[key]
        if isinstance(kept, Future):
            kept = self._kept[key] = kept.exception() or kept.result()
        if isinstance(kept, Exception):
            raise kept
        return cast("T", kept)

    def begin(self, key: object, look: Callable[[], T]) -> None:
        """Begin to look while others do; `once` with that key waits for what is seen.

        For what takes long and leaves the platform alone: the clients are this thread's. It heeds `stopping`.
        """
        if self._behind is None:
            self._behind = ThreadPoolExecutor(1, "looking")
        self._kept[key] = self._behind.submit(look)

    def close(self) -> None:
        """End what was begun, and close the connections."""
        self.stopping.set()
        if self._behind is not None:
            self._behind.shutdown(cancel_futures=True)
        self.http.close()

    def keep(self, key: object, seen: object) -> None:
        """Keep what was seen although looking ended before its time, for whoever looks for it later."""
        self._kept[key] = seen

    # ---------------------------------------------------------------------------------------------------------- pages

    def pages(self, route: str) -> tuple[Page, ...]:
        """Ask a page once of each replica and through the load balancer, there several times where it hides any.

        Raises CouldNotObserve when nothing did.
        """
        answered, troubles = self._asked(route)
        if not answered:
            raise troubles[0]
        return answered

    def page_troubles(self, route: str) -> tuple[CouldNotObserve, ...]:
        """Give the asks of `pages` that got no answer; raises CouldNotObserve where it was the run that had no time."""
        troubles = self._asked(route)[1]
        for trouble in troubles:
            if trouble.trouble is Trouble.DEADLINE:
                raise trouble
        return troubles

    def _asked(self, route: str) -> tuple[tuple[Page, ...], tuple[CouldNotObserve, ...]]:
        return self.once(("pages", route), lambda: self._ask(route))

    def _ask(self, route: str) -> tuple[tuple[Page, ...], tuple[CouldNotObserve, ...]]:
        component = self.contract.route(route).component
        bases, hidden = self._addressed(component)
        several = bases if len(bases) > 1 else {}
        # The metrics page is large and is read for other reasons anyway.
        if (several and not hidden) or route == self.contract.platform.identity.metrics_route:
            asks = 1
        else:
            asks = max(self.contract.platform.limits.page_asks, min(_ASKS_PER_PROCESS * hidden, _ASKS_MAX))
        asked: list[tuple[str, str | None]] = [*[("", None)] * asks, *several.items()]
        answers = self.platform.get_all([(route, base) for _, base in asked])
        return (
            tuple(Page(name, got) for (name, _), got in zip(asked, answers, strict=True) if isinstance(got, Answer)),
            tuple(got for got in answers if isinstance(got, CouldNotObserve)),
        )

    def pages_again(self, route: str, replicas: Collection[str], times: int) -> tuple[Page, ...]:
        """Ask a page of some replicas anew, as often as told; `""` is the load balancer. What fails is left out."""
        bases, _ = self._addressed(self.contract.route(route).component)
        asked = [(name, bases.get(name)) for name in replicas for _ in range(times)]
        answers = self.platform.get_all([(route, base) for _, base in asked]) if asked else []
        return tuple(Page(name, got) for (name, _), got in zip(asked, answers, strict=True) if isinstance(got, Answer))

    def _addressed(self, component: Component) -> tuple[dict[str, str], int]:
        """Give the base URL of each replica that can be addressed, and how many processes only the balancer leads to.

        That what needs no credential is asked of the listed replicas does not depend on whether all are listed.
        """
        try:
            found = self.replicas(component)
        except CouldNotObserve:  # the metrics page may be broken; what else a replica serves is judged all the same
            return {}, 0 if component is Component.CLASSIFIER else self.scope.environment.replicas or 0
        path = self.contract.route(self.contract.platform.identity.metrics_route).path
        bases = {name: url.removesuffix("/").removesuffix(path) for name, url in found.urls.items()}
        return bases, len(found.unlisted if found.urls else found.behind)

    def not_asked(self, component: Component = Component.APP) -> str:
        """Say why a page need not have been asked of every replica; empty where it was, as far as can be told."""
        promised = self.scope.environment.replicas or 1 if self._group(component) is Component.APP else 1
        try:
            found = self.replicas(component)
        except CouldNotObserve as error:
            return f"the metrics page does not tell who answers: {error.came_back}" if promised > 1 else ""
        silent = found.urls and found.unreachable
        if silent:
            return f"{', '.join(silent)} could not be asked"
        known = len(found.urls) + len(found.unlisted) if found.urls else len(found.behind)
        if known < promised:
            return f"{promised} replicas are promised, and {known} could be told apart"
        return ""

    def openapi(self, component: Component = Component.APP) -> Answer:
        """Give the answer of the OpenAPI route of a component; raises CouldNotObserve."""
        base = self.platform.base(component)
        route = self.contract.platform.identity.openapi_route
        return self.once(("openapi", base), lambda: self.platform.get(route, base=base))

    # --------------------------------------------------------------------------------------------------------- metrics

    def replicas(self, component: Component = Component.APP) -> Replicas:
        """Give the processes that serve a component; raises CouldNotObserve."""
        group = self._group(component)
        targets: Sequence[ScrapeTarget] = ()
        if group is Component.APP and self.prometheus is not None:
            with contextlib.suppress(CouldNotObserve):  # the preflight reports an unusable Prometheus
                targets = self.app_targets()
        configured = self.scope.environment.replica_urls if group is Component.APP else ()
        return self.once(
            ("replicas", group),
            lambda: replicas.find(
                self.platform, self.contract, component=group, configured=configured, targets=targets
            ),
        )

    def replica_bases(self, component: Component = Component.APP) -> dict[str, str]:
        """Give the base URL of each replica by its name; empty where they cannot be addressed one by one."""
        bases, hidden = self._addressed(component)
        return {} if hidden else bases

    def trusted_bases(self, component: Component = Component.APP) -> dict[str, str]:
        """Give those of `replica_bases` that credentials may be sent to: none is less protected than the base URL.

        Only TLS is compared: that the addresses are the platform's is known from their processes.
        """
        secured = self.platform.base(component).startswith("https://")
        bases = self.replica_bases(component)
        return {name: base for name, base in bases.items() if not secured or base.startswith("https://")}

    def _group(self, component: Component) -> Component:
        """Tell which group of processes serves a component: the app's, unless the classifier has its own URL."""
        own = component is Component.CLASSIFIER and self.platform.base(component) != self.platform.base()
        return Component.CLASSIFIER if own else Component.APP

    def last_snapshot(self, component: Component = Component.APP) -> Snapshot:
        """Read all processes after the synthetic requests of the run, if it made any; raises CouldNotObserve.

        Families with labels have no series before their first use, so what checks judge is read as late as possible.
        """
        group = self._group(component)
        if Counting in self._kept:
            self.counted_all()
        return self.once(("last", group), lambda: self._counted_last.get(group) or self._read(group))

    # -------------------------------------------------------------------------------------------------------- counting

    def expect_counting(self, promises: Sequence[Counting]) -> None:
        """Say which counting promises this run will ask for, so that they can share their windows."""
        self._kept[Counting] = tuple(promises)

    def counted_all(self) -> dict[str, Evidence]:
        """Try every expected counting promise once a run; raises CouldNotObserve."""
        return self.once("counted", self._count)

    def _count(self) -> dict[str, Evidence]:
        promises: tuple[Counting, ...] = self._kept.get(Counting, ())
        windows: dict[str, list[Window]] = {promise.id: [] for promise in promises}
        controls: dict[str, list[Window]] = {promise.id: [] for promise in promises}
        needed = any(self.contract.act(promise.act).needs_candidate for promise in promises)
        with self._candidate(needed=needed) as values:
            open_ = list(promises)
            for attempt in range(self.contract.platform.limits.counting_attempts_max):
                for promise, window in self._try(open_, values, attempt):
                    windows[promise.id].append(window)
                open_ = [promise for promise in open_ if counting.says_nothing_yet(promise, windows[promise.id][-1])]
                if not open_:
                    break
            # As long as all tries together: other traffic that disturbed each of them should show in it, too.
            seconds = max((sum(window.seconds for window in windows[promise.id]) for promise in open_), default=0.0)
            for promise, window in self._idle(open_, seconds):
                controls[promise.id].append(window)
        return {promise.id: Evidence(tuple(windows[promise.id]), tuple(controls[promise.id])) for promise in promises}

    def _try(
        self, promises: Sequence[Counting], values: dict[str, Any], attempt: int
    ) -> Iterator[tuple[Counting, Window]]:
        """Read, act, read again, window by window: what one reading ends begins the next.

        Where replicas can be addressed one by one, each gets its share: one that counts wrongly is met for sure. Each
        further attempt sends more requests: what counts each of them twice then stands out from other traffic. The
        second one sends few more, and shares windows like the first one: mostly one request of others disturbed that.
        """
        primed = [
            self._send(self.contract.act(promise.after), values) for promise in promises if promise.after is not None
        ]
        for component, members in self._by_component(promises):
            read = None if primed else self._counted_last.get(component)
            before = read or self._read(component, members)
            bases: list[str | None] = [*self.trusted_bases(component).values()] or [None]
            # What is not right even then is tried again apart from promises of the same sample.
            groups = counting.in_windows(members, by_labels=attempt < _SHARED_ATTEMPTS)
            for group in groups:
                started = time.monotonic()
                sent: list[Counting] = []
                sendings: list[Sending] = []
                for promise in group:
                    for number in range(promise.times + attempt * (attempt + 1) // 2):
                        sent.append(promise)
                        base = bases[number % len(bases)]
                        sendings.append(Sending(self.contract.act(promise.act), values, base=base))
                got = self._send_all(sendings)
                # The last reading is of everything: it is what the next attempt begins with, and other checks judge.
                after = self._read(component, members if group is not groups[-1] else ())
                seconds = time.monotonic() - started
                answers = {
                    promise.id: tuple(answer for by, answer in zip(sent, got, strict=True) if by is promise)
                    for promise in group
                }
                for promise in group:
                    beside = tuple(Beside(other.moves, answers[other.id]) for other in group if other is not promise)
                    window = self._between(promise, before, after, answers[promise.id], seconds)
                    yield promise, replace(window, beside=beside)
                before = after
            self._counted_last.pop(component, None)
            if not before.missing:
                self._counted_last[component] = before

    def _idle(self, promises: Sequence[Counting], seconds: float) -> Iterator[tuple[Counting, Window]]:
        """Read, send nothing, read again: what moves is other traffic."""
        for component, members in self._by_component(promises):
            before = self._read(component, members)
            pause(seconds)
            after = self._read(component, members)
            for promise in members:
                yield promise, self._between(promise, before, after, (), seconds)

    def _by_component(self, promises: Sequence[Counting]) -> Iterator[tuple[Component, list[Counting]]]:
        """Put promises together whose acts are counted by the same processes."""
        for component in (Component.APP, Component.CLASSIFIER):
            members = [
                promise
                for promise in promises
                if self._group(self.contract.route(self.contract.act(promise.act).route).component) is component
            ]
            if members:
                yield component, members

    def _read(self, component: Component, promises: Sequence[Counting] = ()) -> Snapshot:
        """Read all processes: the families that promises speak of, or everything where none are given."""
        samples = frozenset[str]().union(*(promise.samples for promise in promises))
        found = self.replicas(component)
        return replicas.snapshot(self.platform, self.contract, found, component=component, families=samples)

    def _between(
        self,
        promise: Counting,
        before: Snapshot,
        after: Snapshot,
        answers: tuple[Answer | CouldNotObserve, ...],
        seconds: float,
    ) -> Window:
        grown, trouble = counting.growth(before, after, promise.samples)
        window = Window(answers, grown, seconds, trouble, len(after.scrapes))
        component = self._group(self.contract.route(self.contract.act(promise.act).route).component)
        found = self.replicas(component)
        if answers and not trouble and not found.direct and counting.too_little(promise, window):
            return self._doubted(window, found, component)
        return window

    def _doubted(self, window: Window, found: Replicas, component: Component) -> Window:
        """Look harder before saying that nothing was counted: the balancer may hide a process that counted it."""
        again = replicas.find(self.platform, self.contract, component=component)
        known = {scrape.identity for scrape in found.scrapes.values()}
        if any(scrape.identity not in known for scrape in again.behind):
            return replace(window, trouble="the load balancer leads to processes that were not read")
        return window

    def _send(self, act: Act, values: dict[str, Any]) -> Answer | CouldNotObserve:
        missing = values.get("trouble")
        if isinstance(missing, CouldNotObserve) and act.needs_candidate:
            return missing
        try:
            return self.platform.send(act, values)
        except CouldNotObserve as error:
            return error

    def _send_all(self, sendings: Sequence[Sending]) -> list[Answer | CouldNotObserve]:
        """Send at once; what needs a vector that could not be registered gets the reason instead of an answer."""
        kept_back = [sending.values.get("trouble") if sending.act.needs_candidate else None for sending in sendings]
        try:
            answers = iter(
                self.platform.send_each(
                    [sending for sending, trouble in zip(sendings, kept_back, strict=True) if trouble is None]
                )
            )
        except CouldNotObserve as error:
            return [error] * len(sendings)
        return [trouble if trouble is not None else next(answers) for trouble in kept_back]

    @contextlib.contextmanager
    def _candidate(self, *, needed: bool) -> Iterator[dict[str, Any]]:
        """Register a vector, and remove it afterwards; gives what acts can be filled with.

        What cannot be registered is the trouble of the acts that need it, and of no other.
        """
        vector = [3.0, 4.0, 0.0, 12.0]
        if not needed:
            yield {"candidate": "", "vector": vector}
            return
        with self.registered([vector]) as (candidate,):
            if isinstance(candidate, CouldNotObserve):
                yield {"candidate": "", "vector": vector, "trouble": candidate}
            else:
                yield {"candidate": candidate, "vector": vector}

    @contextlib.contextmanager
    def registered(
        self, vectors: Sequence[Sequence[float]], *, caller: Caller = Caller.OWN
    ) -> Iterator[list[str | CouldNotObserve]]:
        """Register vectors under names that nobody else uses, and remove them afterwards, whatever happens.

        Gives the id of each, or why it could not be registered. What could not be removed is in `left_behind`: that of
        the first one is the beginning of all others, and is removed first, so that a removal that takes others with it
        shows.
        """
        register = self.contract.act(self.contract.platform.candidate_register)
        first = f"{self.platform.mark}-vector-{next(self._numbers)}"
        ids = [f"{first}-{number}" if number else first for number in range(len(vectors))]
        sendings = [
            Sending(register, {"candidate": id_, "vector": list(vector)}, caller=caller)
            for id_, vector in zip(ids, vectors, strict=True)
        ]
        try:
            answers = self.platform.send_each(sendings)
        except CouldNotObserve:
            raise  # nothing was sent
        except BaseException:
            self._remove(ids, ids, caller)
            raise
        troubles = [answer if isinstance(answer, CouldNotObserve) else _refused(register, answer) for answer in answers]
        try:
            yield [trouble or id_ for id_, trouble in zip(ids, troubles, strict=True)]
        finally:
            # What got no answer may have been registered all the same.
            doubtful = [id_ for id_, answer in zip(ids, answers, strict=True) if isinstance(answer, CouldNotObserve)]
            there = [id_ for id_, trouble in zip(ids, troubles, strict=True) if trouble is None]
            self._remove([*there, *doubtful], doubtful, caller)

    def _remove(self, ids: Sequence[str], doubtful: Collection[str], caller: Caller) -> None:
        """Remove vectors; those that may never have been registered need not be there."""
        remove = self.contract.act(self.contract.platform.candidate_remove)
        try:
            gone = [
                answer
                for batch in filter(None, (ids[:1], ids[1:]))
                for answer in self.platform.send_each(
                    [Sending(remove, {"candidate": id_}, caller=caller) for id_ in batch], tidying=True
                )
            ]
        except CouldNotObserve as error:
            gone = [error] * len(ids)
        for id_, answer in zip(ids, gone, strict=True):
            wrong = answer.sentence if isinstance(answer, CouldNotObserve) else breach(remove, answer)
            if wrong and not (id_ in doubtful and isinstance(answer, Answer) and answer.status == _NOT_FOUND):
                self.left_behind.append(f"vector {id_}: {wrong}")

    # ------------------------------------------------------------------------------------------------------ Prometheus

    def prometheus_client(self) -> Prometheus:
        """Give the Prometheus client; only for checks that require Prometheus."""
        if self.prometheus is None:
            message = "a check uses Prometheus without requiring it in the contract"
            raise LookupError(message)
        return self.prometheus

    def targets(self) -> tuple[ScrapeTarget, ...]:
        """Give Prometheus' active targets; raises CouldNotObserve."""
        return self.once("targets", lambda: tuple(self.prometheus_client().targets()))

    def app_targets(self) -> tuple[ScrapeTarget, ...]:
        """Give the targets of every job that scrapes the platform itself; raises CouldNotObserve.

        A job does when Prometheus has metadata of one of the families that identify the platform for one of its
        targets.
        """
        return self.once("app targets", self._find_app_targets)

    def _find_app_targets(self) -> tuple[ScrapeTarget, ...]:
        jobs: set[str] = set()
        for family in self.contract.platform.identity.metric_families:
            jobs |= {labels.get("job", "") for labels in self.prometheus_client().targets_exposing(family)}
            if jobs:
                break
        return tuple(target for target in self.targets() if target.job in jobs)

    def rule_groups(self) -> tuple[RuleGroup, ...]:
        """Give all loaded rule groups; raises CouldNotObserve."""
        return self.once("rule groups", lambda: tuple(self.prometheus_client().rule_groups()))

    def query(self, promql: str) -> QueryResult:
        """Ask an instant query once; raises CouldNotObserve."""
        return self.once(("query", promql), lambda: self.prometheus_client().query(promql))


def _refused(act: Act, answer: Answer) -> CouldNotObserve | None:
    wrong = breach(act, answer)
    if not wrong:
        return None
    absent = answer.status in (404, 405)
    return CouldNotObserve(
        Trouble.NO_SUCH_ROUTE if absent else Trouble.UNEXPECTED_ANSWER,
        asked=answer.asked,
        came_back=f"nothing could be registered to work with: {wrong}",
        hint=f"put the deployment's own path of the route {act.route!r} into the contract's api.toml",
    )
