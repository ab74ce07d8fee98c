"""Asks Prometheus: queries, rules, alerts, targets, metadata, and what it says of itself.

A single instant query goes through prometheus-api-client, on a session of ours: bounded, without its three
retries. Everything else goes through `Http` directly. The library knows nothing of rules and alerts, drops
the warnings of an answer, rounds the time of a range to whole seconds, and asks one thing after the other;
and importing it costs about 0.2 s, because of `requests`, which a run that asks many things at once
(`query_all`) does not have to pay.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from selfcheck.clients._reading import duration_seconds, moment, understood
from selfcheck.clients.http import Answer, Http, Request
from selfcheck.observation import CouldNotObserve, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeVar

    from selfcheck.clients.http import Params

    T = TypeVar("T")

Labels = dict[str, str]

_SERVICE = "Prometheus"
_VERSION_MIN = "2.40"
_NO_ENDPOINT = (404, 405, 501)
_HINTS = {
    "bad_data": "Correct the query: the message says where",
    "execution": "Correct the query, or the series that it works on",
    "timeout": "Let the query look at fewer series or a shorter time, or look at the load of Prometheus",
    "not_found": "Check the version of Prometheus, and whether the URL names it and not something before it",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one series. NaN and infinities are values too; `timestamp` is Unix seconds."""

    labels: Labels
    value: float
    timestamp: float


@dataclass(frozen=True, slots=True)
class Series:
    """One series over time: (Unix seconds, value) in order of time."""

    labels: Labels
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What a query gave.

    `samples` for a query of the present (a scalar is one sample without labels), `series` for a range of
    time. `asked` is the request as it was sent; `warnings` and `infos` are Prometheus' own remarks, and a
    warning often means that the result is incomplete.
    """

    promql: str
    asked: str
    samples: tuple[Sample, ...] = ()
    series: tuple[Series, ...] = ()
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is no data at all, which is neither good nor bad news."""
        return not self.samples and not self.series


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that Prometheus scrapes.

    `health` is up, down or unknown (not scraped yet); `last_scrape_at` is Unix seconds, 0 for never.
    """

    labels: Labels
    scrape_url: str
    scrape_pool: str
    health: str
    last_error: str
    last_scrape_at: float
    last_scrape_seconds: float
    interval_seconds: float
    timeout_seconds: float

    @property
    def job(self) -> str:
        """The label `job`."""
        return self.labels.get("job", "")

    @property
    def instance(self) -> str:
        """The label `instance`."""
        return self.labels.get("instance", "")


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert: `state` is pending or firing, `active_at` Unix seconds (0 for never)."""

    labels: Labels
    annotations: Labels
    state: str
    active_at: float
    value: float

    @property
    def name(self) -> str:
        """The label `alertname`."""
        return self.labels.get("alertname", "")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: `kind` is recording or alerting.

    `health` is ok, err or unknown (not evaluated yet); `last_evaluation_at` is Unix seconds, 0 for never.
    `duration_seconds` is the `for` of an alert, `keep_firing_seconds` its `keep_firing_for`, `state` inactive, pending
    or firing; all are empty for a recording rule. `group`, `file` and `interval_seconds` are those of its group.
    """

    name: str
    kind: str
    query: str
    labels: Labels
    annotations: Labels
    duration_seconds: float
    health: str
    last_error: str
    last_evaluation_at: float
    evaluation_seconds: float
    state: str
    alerts: tuple[Alert, ...]
    group: str
    file: str
    interval_seconds: float
    keep_firing_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """Rules that are evaluated together; `last_evaluation_at` is Unix seconds, 0 for never.

    A rule that gives more than `limit` series (or alerts) fails and gives none; 0 is no limit.
    """

    name: str
    file: str
    interval_seconds: float
    last_evaluation_at: float
    evaluation_seconds: float
    rules: tuple[Rule, ...]
    limit: int = 0


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a target says of one of its metric families."""

    target: Labels
    metric: str
    type: str
    help: str
    unit: str


@dataclass(frozen=True, slots=True)
class BuildInfo:
    """Which Prometheus answers."""

    version: str
    revision: str
    branch: str
    go_version: str


@dataclass(frozen=True, slots=True)
class RuntimeInfo:
    """How it runs: since when, and with which configuration (times are Unix seconds)."""

    started_at: float
    config_reloaded: bool
    config_reloaded_at: float
    storage_retention: str


class Prometheus:
    """A client of one Prometheus server; `headers` (credentials) go to it alone.

    Every method raises `CouldNotObserve` when there is no answer, or another one than Prometheus would give.
    """

    def __init__(self, http: Http, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.url = url.rstrip("/")
        self._http = http
        self._headers = dict(headers or {})

    # -------------------------------------------------------------------------------------------------- what
    # it is

    def ready(self) -> bool:
        """Whether it says that it can answer queries (not yet, while it reads its log after a start)."""
        answer = self._http.ask("GET", f"{self.url}/-/ready", headers=self._headers)
        if answer.status == 503:
            return False
        if answer.status != 200 or "ready" not in answer.text().lower():
            raise answer.unusable(Trouble.UNEXPECTED_ANSWER, "it does not say whether it is ready, as Prometheus does")
        return True

    def build_info(self) -> BuildInfo:
        """Its version."""
        return self._read(
            "status/buildinfo",
            lambda data: BuildInfo(data["version"], data["revision"], data["branch"], data["goVersion"]),
        )

    def runtime_info(self) -> RuntimeInfo:
        """How it runs."""
        return self._read(
            "status/runtimeinfo",
            lambda data: RuntimeInfo(
                started_at=moment(data["startTime"]),
                config_reloaded=bool(data["reloadConfigSuccess"]),
                config_reloaded_at=moment(data["lastConfigTime"]),
                storage_retention=data["storageRetention"],
            ),
        )

    def flags(self) -> dict[str, str]:
        """Its command line flags, without dashes."""
        return self._read("status/flags", _labels)

    def config(self) -> str:
        """Its configuration in force, as YAML; Prometheus itself replaces the secrets in it."""
        return self._read("status/config", lambda data: str(data["yaml"]))

    def alertmanagers(self) -> tuple[str, ...]:
        """The URLs to which it sends alerts."""
        return self._read("alertmanagers", lambda data: tuple(each["url"] for each in data["activeAlertmanagers"]))

    # -----------------------------------------------------------------------------------------------------
    # queries

    def query(self, promql: str, *, at: float | None = None) -> QueryResult:
        """The result of an instant query, now or at a Unix time."""
        from prometheus_api_client import PrometheusConnect  # noqa: PLC0415 - see the text of this module

        from selfcheck.clients._requests import ThroughHttp, session_through  # noqa: PLC0415

        adapter = ThroughHttp(self._http)
        session = session_through(adapter, self.url)
        library = PrometheusConnect(url=self.url, headers=dict(self._headers), session=session)
        # The library has just mounted an adapter of its own, with three retries, for its URL: put ours back.
        session.mount(self.url, adapter)
        try:
            library.custom_query(promql, params=_at(at))
        except CouldNotObserve:
            raise
        except Exception:
            # Whatever the library has against the answer, our own reading of it below says more.
            if adapter.answer is None:
                raise
        assert adapter.answer is not None
        return _query_result(promql, adapter.answer)

    def query_all(self, queries: Sequence[str], *, at: float | None = None) -> list[QueryResult | CouldNotObserve]:
        """The results of many instant queries at once, in their order."""
        answers = self._http.ask_all([self._request("query", {"query": promql, **_at(at)}) for promql in queries])
        return [_result_or_trouble(promql, answer) for promql, answer in zip(queries, answers, strict=True)]

    def query_range(self, promql: str, *, start: float, end: float, step_seconds: float) -> QueryResult:
        """The result of a query at each step from `start` to `end` (Unix seconds)."""
        span = {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step_seconds:.3f}"}
        return _query_result(promql, self._ask("query_range", {"query": promql, **span}))

    def series(self, *selectors: str, start: float | None = None, end: float | None = None) -> tuple[Labels, ...]:
        """The labels of all series that match one of the selectors (between two Unix times)."""
        return self._read(
            "series",
            lambda data: tuple(_labels(each) for each in data),
            {"match[]": selectors, **_between(start, end)},
        )

    def label_values(
        self, label: str, *selectors: str, start: float | None = None, end: float | None = None
    ) -> tuple[str, ...]:
        """The values of a label, on the series that match one of the selectors if there are any."""
        return self._read(
            f"label/{label}/values",
            lambda data: tuple(str(each) for each in data),
            {"match[]": selectors, **_between(start, end)},
        )

    def label_values_all(
        self, asks: Sequence[tuple[str, str]], *, start: float, end: float
    ) -> list[tuple[str, ...] | CouldNotObserve]:
        """The values of labels on the series of a selector, for many pairs of label and selector at once.

        For the label `""` the names of the labels.
        """
        requests = [
            self._request(
                f"label/{label}/values" if label else "labels", {"match[]": (selector,), **_between(start, end)}
            )
            for label, selector in asks
        ]
        return [_texts_or_trouble(answer) for answer in self._http.ask_all(requests)]

    # ------------------------------------------------------------------------------------------- what it
    # works on

    def label_names(self, metric: str = "") -> frozenset[str]:
        """The names of all labels that there are, or of those that the series of a metric have; empty without any."""
        params = {"match[]": metric} if metric else None
        return self._read("labels", lambda data: frozenset(str(each) for each in data), params)

    def types(self) -> dict[str, tuple[str, ...]]:
        """The types that its targets give each metric family (counter, gauge, ...), mostly one."""
        return self._read(
            "metadata",
            lambda data: {
                str(name): tuple(sorted({str(each["type"]) for each in found})) for name, found in data.items()
            },
        )

    def targets(self) -> tuple[Target, ...]:
        """What it scrapes."""
        return self._read("targets", lambda data: tuple(map(_target, data["activeTargets"])), {"state": "active"})

    def dropped_targets(self) -> dict[str, int]:
        """How many targets its relabelling leaves out, by job (newer versions: by scrape pool)."""
        return self._read("targets", _dropped, {"state": "dropped"})

    def targets_exposing(self, metric: str) -> tuple[Labels, ...]:
        """The labels of the targets that expose this metric family.

        A counter scraped in the OpenMetrics format is known without its `_total`.
        """
        found = self.metadata(metric=metric)
        if not found and metric.endswith("_total"):
            found = self.metadata(metric=metric.removesuffix("_total"))
        return tuple(each.target for each in found)

    def metadata(self, *, metric: str = "", match_target: str = "") -> tuple[Metadata, ...]:
        """What the targets (those that match a selector) say of their metric families (or of one of them)."""
        wanted = {"metric": metric, "match_target": match_target}
        return self._read(
            "targets/metadata",
            lambda data: tuple(_metadata(each, metric) for each in data),
            {name: value for name, value in wanted.items() if value},
        )

    def rule_groups(self) -> tuple[RuleGroup, ...]:
        """All rules that are loaded, with the alerts that come from them."""
        return self._read("rules", lambda data: tuple(map(_group, data["groups"])))

    def alerts(self) -> tuple[Alert, ...]:
        """All alerts that are pending or firing."""
        return self._read("alerts", lambda data: tuple(map(_alert, data["alerts"])))

    # --------------------------------------------------------------------------------------------------- the
    # asking

    def _read(self, path: str, make: Callable[[Any], T], params: Params | None = None) -> T:
        answer = self._ask(path, params)
        data = _whole(answer)
        with understood(answer, _SERVICE):
            return make(data)

    def _ask(self, path: str, params: Params | None = None) -> Answer:
        request = self._request(path, params)
        answer = self._http.ask(request.method, request.url, headers=request.headers, params=request.params)
        if answer.status in _NO_ENDPOINT or (answer.status == 400 and "unsupported path" in answer.text()):
            # Compatible stores (Thanos, Mimir, VictoriaMetrics) and old versions have a part of the API.
            raise CouldNotObserve(
                Trouble.NO_SUCH_ROUTE,
                asked=answer.asked,
                came_back=f"HTTP {answer.status}: this server has no such endpoint",
                hint=f"{_SERVICE} has it from version {_VERSION_MIN} on: name one, or have the proxy pass it on",
            )
        return answer

    def _request(self, path: str, params: Params | None) -> Request:
        return Request("GET", f"{self.url}/api/v1/{path}", headers=self._headers, params=params)


def _at(at: float | None) -> dict[str, str]:
    return {} if at is None else {"time": f"{at:.3f}"}


def _between(start: float | None, end: float | None) -> dict[str, str]:
    return {name: f"{at:.3f}" for name, at in (("start", start), ("end", end)) if at is not None}


def _payload(answer: Answer) -> dict[str, Any]:
    """The envelope of Prometheus' API, when it holds data. Raises `CouldNotObserve`."""
    payload = answer.json()
    if not isinstance(payload, dict) or payload.get("status") not in {"success", "error"}:
        raise answer.unusable(Trouble.UNEXPECTED_ANSWER, "it is not in the form of Prometheus' API")
    if payload["status"] == "error":
        kind = str(payload.get("errorType", "error"))
        problem = f"Prometheus answered HTTP {answer.status}, {kind}: {payload.get('error', 'no message')}"
        raise CouldNotObserve(
            Trouble.ERROR_ANSWER,
            asked=answer.asked,
            came_back=answer.secrets.mask(problem),
            hint=_HINTS.get(kind, "Look at the log of Prometheus"),
        )
    if "data" not in payload:
        raise answer.unusable(Trouble.UNEXPECTED_ANSWER, "it has no data, unlike each success of Prometheus' API")
    return payload


def _warnings(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """What an answer says of its own incompleteness."""
    warnings = tuple(str(each) for each in payload.get("warnings") or ())
    # VictoriaMetrics' way of saying that some of its stores did not answer.
    return (*warnings, "the answer is partial (`isPartial`)") if payload.get("isPartial") is True else warnings


def _whole(answer: Answer) -> Any:
    """The data of an answer that is a list of what there is: one with parts missing would say that they are not there.

    Raises `CouldNotObserve`.
    """
    payload = _payload(answer)
    warnings = _warnings(payload)
    if warnings:
        raise answer.unusable(Trouble.UNEXPECTED_ANSWER, f"it may be incomplete: {warnings[0]}")
    return payload["data"]


def _result_or_trouble(promql: str, answer: Answer | CouldNotObserve) -> QueryResult | CouldNotObserve:
    if isinstance(answer, CouldNotObserve):
        return answer
    try:
        return _query_result(promql, answer)
    except CouldNotObserve as trouble:
        return trouble


def _texts_or_trouble(answer: Answer | CouldNotObserve) -> tuple[str, ...] | CouldNotObserve:
    if isinstance(answer, CouldNotObserve):
        return answer
    try:
        data = _whole(answer)
        with understood(answer, _SERVICE):
            return tuple(str(each) for each in data)
    except CouldNotObserve as trouble:
        return trouble


def _query_result(promql: str, answer: Answer) -> QueryResult:
    payload = _payload(answer)
    with understood(answer, _SERVICE):
        kind, result = payload["data"]["resultType"], payload["data"]["result"]
        warnings = _warnings(payload)
        infos = tuple(str(each) for each in payload.get("infos") or ())
        samples: tuple[Sample, ...] = ()
        series: tuple[Series, ...] = ()
        if kind == "vector":
            samples = tuple(_sample(each["metric"], each["value"]) for each in result if "value" in each)
        elif kind == "matrix":
            series = tuple(_series(each) for each in result if "values" in each)
        elif kind == "scalar":
            samples = (_sample({}, result),)
        else:
            raise ValueError(f"a result of type {kind}")
        left_out = 0 if kind == "scalar" else len(result) - len(samples) - len(series)
        if left_out:
            warnings += (f"{left_out} series of native histograms are left out",)
        return QueryResult(promql, answer.asked, samples, series, warnings, infos)


def _labels(found: Any) -> Labels:
    return {str(name): str(value) for name, value in found.items()}


def _sample(labels: Any, point: Any) -> Sample:
    timestamp, value = point
    return Sample(_labels(labels), float(value), float(timestamp))


def _series(found: Any) -> Series:
    return Series(_labels(found["metric"]), tuple((float(at), float(value)) for at, value in found["values"]))


def _target(found: Any) -> Target:
    return Target(
        labels=_labels(found["labels"]),
        scrape_url=found["scrapeUrl"],
        scrape_pool=found.get("scrapePool", ""),
        health=found["health"],
        last_error=found.get("lastError", ""),
        last_scrape_at=moment(found["lastScrape"]),
        last_scrape_seconds=float(found.get("lastScrapeDuration", 0)),
        # Prometheus before 2.27 did not say; nothing can be said about lateness then.
        interval_seconds=duration_seconds(found["scrapeInterval"]) if "scrapeInterval" in found else math.inf,
        timeout_seconds=duration_seconds(found["scrapeTimeout"]) if "scrapeTimeout" in found else math.inf,
    )


def _dropped(data: Any) -> dict[str, int]:
    if data.get("droppedTargetCounts"):  # since 2.49, because the list itself may be limited
        return {str(pool): int(count) for pool, count in data["droppedTargetCounts"].items()}
    counts: dict[str, int] = {}
    for found in data["droppedTargets"]:
        job = str(found["discoveredLabels"].get("job", ""))
        counts[job] = counts.get(job, 0) + 1
    return counts


def _metadata(found: Any, asked_for: str) -> Metadata:
    # Prometheus leaves the name out when just one metric was asked for.
    name = asked_for or found["metric"]
    return Metadata(_labels(found["target"]), name, found["type"], found["help"], found["unit"])


def _alert(found: Any) -> Alert:
    return Alert(
        labels=_labels(found["labels"]),
        annotations=_labels(found.get("annotations") or {}),
        state=found["state"],
        active_at=moment(found["activeAt"]) if found.get("activeAt") else 0.0,
        value=float(found["value"]),
    )


def _group(found: Any) -> RuleGroup:
    return RuleGroup(
        name=found["name"],
        file=found["file"],
        interval_seconds=float(found["interval"]),
        last_evaluation_at=moment(found["lastEvaluation"]) if found.get("lastEvaluation") else 0.0,
        evaluation_seconds=float(found.get("evaluationTime", 0)),
        rules=tuple(_rule(rule, found) for rule in found["rules"]),
        limit=int(found.get("limit") or 0),
    )


def _rule(found: Any, group: Any) -> Rule:
    return Rule(
        name=found["name"],
        kind=found["type"],
        query=found["query"],
        labels=_labels(found.get("labels") or {}),
        annotations=_labels(found.get("annotations") or {}),
        duration_seconds=float(found.get("duration", 0)),
        health=found["health"],
        last_error=found.get("lastError", ""),
        last_evaluation_at=moment(found["lastEvaluation"]) if found.get("lastEvaluation") else 0.0,
        evaluation_seconds=float(found.get("evaluationTime", 0)),
        state=found.get("state", ""),
        alerts=tuple(map(_alert, found.get("alerts") or ())),
        group=group["name"],
        file=group["file"],
        interval_seconds=float(group["interval"]),
        keep_firing_seconds=float(found.get("keepFiringFor") or 0),
    )
