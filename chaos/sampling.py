"""The sampler: writes all that can be seen of the target while an experiment goes on, five times a second.

Each source has a thread, a client and connections of its own, so one that hangs delays no other; one that is slow is
read less often, and nothing queues. What cannot be read is a `Trouble` in the timeline and never an exception.
"""

from __future__ import annotations

import contextlib
import math
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from chaos import plan, reading
from chaos.probing import Line, Prober
from chaos.timeline import Alert, Alerts, Figures, Notification, Page, Replica
from chaos.watching import Desk
from selfcheck.clients.alertmanager import Alertmanager
from selfcheck.clients.http import Answer, Request
from selfcheck.clients.prometheus import Prometheus, QueryResult
from selfcheck.contract import Component, ContractError
from selfcheck.observation import CouldNotObserve
from selfcheck.observation import Trouble as Why

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Any

    from chaos.plan import Experiment
    from chaos.timeline import Writer
    from selfcheck.clients.http import Http
    from selfcheck.target import Target

BEAT_SECONDS = 0.2
"""Between two looks at metrics, Prometheus, Alertmanager and the receiver."""
PAGE_SECONDS = 0.25
"""Between two looks at a replica's pages of providers and readiness."""
_ANSWER_SECONDS = 2.0
"""How long an observed server may take for one answer; a replica that takes longer is not up."""
_END_SECONDS = 5.0
"""How long threads are waited for at the end, all together."""
_RECEIVER_SLACK_SECONDS = 5.0
_OK = 200
_PROMETHEUS, _ALERTMANAGER, _RECEIVER = "prometheus", "alertmanager", "receiver"


class Sampler:
    """Samples a target from the beginning of a `with` block to its end, into a timeline.

    `names` has the base URLs of the replicas by name; left out, those that the target knows and credentials may be
    sent to. When the block ends, requests under way are given up, and their answers belong to no sample. Raises
    ContractError when the experiment names a probe that there is not.
    """

    def __init__(
        self, target: Target, experiment: Experiment, writer: Writer, *, names: Mapping[str, str] | None = None
    ) -> None:
        self._target = target
        self._experiment = experiment
        self._desk = Desk(writer)
        self._metrics = plan.metrics(target.contract)
        self._watches = plan.watches(target.contract)
        self._names = names
        self._https: list[Http] = []
        self._probers: list[Prober] = []
        self._open = contextlib.ExitStack()
        self.replicas: Mapping[str, str] = MappingProxyType({})
        """The replicas that are sampled one by one: base URLs by name; empty where they cannot be addressed."""

    @property
    def broken(self) -> str:
        """Why samples are missing by no fault of the target, such as a full disk; empty while all is well."""
        return self._desk.broken

    @property
    def sent(self) -> int:
        """How many probes were sent so far."""
        return sum(prober.sent for prober in self._probers)

    def __enter__(self) -> Self:
        """Begin; returns when all threads are started. Raises ContractError, or CouldNotObserve without a candidate."""
        self.replicas = dict(self._target.trusted_bases() if self._names is None else self._names)
        with contextlib.ExitStack() as opened:
            lines = self._lines(opened)
            opened.callback(self._end)
            self._begin(lines)
            self._open = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all threads, within seconds also where servers hang."""
        self._open.close()

    def _begin(self, lines: list[Line]) -> None:
        for line in lines:
            http = self._apart(line.under_way_max)
            self._probers.append(Prober(self._target, self._desk, line, http))
        for prober in self._probers:
            prober.start()
        for number, (name, base) in enumerate(self.replicas.items()):
            # One after the other: three readings at one moment would be a burst, five times a second.
            share = number / len(self.replicas)
            self._watch_metrics(name, base, share * BEAT_SECONDS)
            self._watch_pages(name, base, share * PAGE_SECONDS)
        self._watch_prometheus()
        self._watch_alertmanager()
        self._watch_receiver()

    def _end(self) -> None:
        self._desk.ended.set()
        for prober in self._probers:
            prober.end()
        for http in self._https:
            http.abandon()
        self._desk.join(_END_SECONDS)
        for http in self._https:
            http.close()

    def _apart(self, places: int = 1) -> Http:
        http = self._target.http.apart(concurrency_max=places, timeout_seconds=_ANSWER_SECONDS)
        self._https.append(http)
        return http

    # ----------------------------------------------------------------------------------------------------------- probes

    def _lines(self, opened: contextlib.ExitStack) -> list[Line]:
        """Work out what is sent to whom; vectors that acts compare with are registered until the end."""
        contract, every = self._target.contract, plan.probes(self._target.contract)
        names = dict.fromkeys((self._experiment.probe, *self._experiment.controls))
        unknown = [name for name in names if name not in every]
        if unknown:
            message = (
                f"{contract.folder / 'chaos.toml'}: [[experiment]] {self._experiment.name} names probes that there are"
                f" not: {', '.join(unknown)} (known: {', '.join(every)})"
            )
            raise ContractError(message)
        chosen = [(every[name], contract.act(every[name].act)) for name in names]
        known: dict[str, Any] = {}
        if any(act.needs_candidate for _, act in chosen):
            vector = [3.0, 4.0, 0.0, 12.0]
            (candidate,) = opened.enter_context(self._target.registered([vector]))
            if isinstance(candidate, CouldNotObserve):
                raise candidate
            known = {"vector": vector, "candidate": candidate}
        must_not_tell = plan.must_not_tell(contract)
        return [
            Line(
                probe,
                act,
                self._addresses(act.route, each=probe.each_replica),
                values={**known, **probe.values},
                must_not_tell=must_not_tell,
            )
            for probe, act in chosen
        ]

    def _addresses(self, route: str, *, each: bool) -> list[tuple[str, str | None]]:
        component = self._target.contract.route(route).component
        bases = self.replicas if component is Component.APP else self._target.trusted_bases(component)
        return list(bases.items()) if each and bases else [("", None)]

    # --------------------------------------------------------------------------------------------------------- replicas

    def _watch_metrics(self, name: str, base: str, first: float) -> None:
        http, reader = self._apart(), reading.MetricsReader(self._metrics)
        request = self._target.platform.page_request(self._target.contract.platform.identity.metrics_route, base=base)
        landed = [request]

        def look() -> None:
            asked = self._desk.writer.now()
            try:
                answer = _well(_sent(http, landed[0]))
                found = reader.read(answer.text())
            except CouldNotObserve:
                # As of when it was asked: that it does not answer is known only when its time is over.
                self._desk.tell(Replica, moment=asked, replica=name, up=False)
                raise
            if answer.redirects and answer.url:
                # A redirect that was followed once need not be followed each time.
                landed[0] = Request(request.method, answer.url, request.headers)
            self._desk.tell(Replica, replica=name, up=True, seconds=round(answer.elapsed_seconds, 4), **found)

        self._desk.every(BEAT_SECONDS, name, look, first=first)

    def _watch_pages(self, name: str, base: str, first: float) -> None:
        http, wanted = self._apart(2), self._metrics
        requests = [
            self._target.platform.page_request(route, base=base) for route in (wanted.providers_page, wanted.ready_page)
        ]

        def look() -> None:
            moment = self._desk.writer.now()
            listed, ready = http.ask_all(requests)
            self._desk.tell(
                Page,
                moment=moment,
                replica=name,
                status=0 if isinstance(listed, CouldNotObserve) else listed.status,
                providers=reading.providers(wanted, _document(listed, _OK)),
                ready=reading.readiness(wanted, document := _document(ready)),
                checks=reading.checks(wanted, document),
                seconds=0.0 if isinstance(ready, CouldNotObserve) else ready.elapsed_seconds,
            )
            for each in (listed, ready):
                if isinstance(each, CouldNotObserve):
                    raise each

        self._desk.every(PAGE_SECONDS, name, look, first=first)

    # --------------------------------------------------------------------------------------------------------- watchers

    def _watch_prometheus(self) -> None:
        known = self._target.prometheus
        if known is None:
            return
        headers = self._target.scope.headers(Component.PROMETHEUS)
        alerting = Prometheus(self._apart(), known.url, headers)

        def look_at_alerts() -> None:
            found = alerting.alerts()
            alerts = tuple(Alert(each.name, each.state, each.labels, each.active_at) for each in found)
            self._desk.tell(Alerts, source=_PROMETHEUS, alerts=alerts)

        self._desk.every(BEAT_SECONDS, _PROMETHEUS, look_at_alerts)
        if not self._watches:
            return
        asking = Prometheus(self._apart(), known.url, headers)
        queries = {name: watch.query for name, watch in self._watches.items()}

        def look_at_figures() -> None:
            results = dict(zip(queries, asking.query_all(list(queries.values())), strict=True))
            troubles = [found for found in results.values() if isinstance(found, CouldNotObserve)]
            if len(troubles) == len(results):
                raise troubles[0]
            self._desk.tell(Figures, values=self._figures(results))
            for trouble in troubles[:1]:
                raise trouble

        self._desk.every(BEAT_SECONDS, _PROMETHEUS, look_at_figures, first=BEAT_SECONDS / 2)

    def _figures(self, results: Mapping[str, QueryResult | CouldNotObserve]) -> dict[str, float]:
        values: dict[str, float] = {}
        for name, found in results.items():
            samples = found.samples if isinstance(found, QueryResult) else ()
            if len(samples) > 1:
                self._desk.trouble(_PROMETHEUS, f"the watch {name} has {len(samples)} values, and is to be one figure")
            elif samples and math.isfinite(samples[0].value):
                values[name] = samples[0].value
        return values

    def _watch_alertmanager(self) -> None:
        known = self._target.alertmanager
        if known is None:
            return
        client = Alertmanager(self._apart(), known.url, self._target.scope.headers(Component.ALERTMANAGER))

        def look() -> None:
            alerts = tuple(Alert(each.name, each.state, each.labels, each.starts_at) for each in client.alerts())
            self._desk.tell(Alerts, source=_ALERTMANAGER, alerts=alerts)

        self._desk.every(BEAT_SECONDS, _ALERTMANAGER, look)

    def _watch_receiver(self) -> None:
        url = self._target.scope.environment.receiver_url
        if url is None:
            return
        http, began = self._apart(), time.time()
        inbox = reading.Inbox(self._metrics, began)
        newest = [began]

        def look() -> None:
            # A receiver that does not know the parameter tells more; each is taken once.
            since = f"{newest[0] - _RECEIVER_SLACK_SECONDS:.3f}"
            document = _well(_sent(http, Request("GET", url, params={"since": since}))).json()
            for each in inbox.new(document, time.time()):
                received = each.received or time.time()
                newest[0] = max(newest[0], received)
                self._desk.tell(
                    Notification,
                    number=each.number,
                    receiver=each.receiver,
                    status=each.status,
                    name=each.labels.get("alertname", ""),
                    labels=each.labels,
                    received=received,
                )

        self._desk.every(BEAT_SECONDS, _RECEIVER, look)


def _sent(http: Http, request: Request) -> Answer:
    (came,) = http.ask_all([request])
    if isinstance(came, CouldNotObserve):
        raise came
    return came


def _well(answer: Answer) -> Answer:
    if answer.status != _OK:
        raise answer.unusable(Why.UNEXPECTED_ANSWER, "that is not what was asked for")
    return answer


def _document(came: Answer | CouldNotObserve, *statuses: int) -> object:
    """Give the JSON of an answer of one of these statuses (any, when none is given); None where there is none."""
    if isinstance(came, CouldNotObserve) or (statuses and came.status not in statuses):
        return None
    try:
        return came.json()
    except CouldNotObserve:
        return None
