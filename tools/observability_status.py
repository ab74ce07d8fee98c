"""How everything is at this moment, on one screen: `make observability-status`.

Every component with its version, the scrapes, the alerts, the key metrics. Only looks. Exit code: 0 all is well,
1 something is wrong, 10 nothing is wrong and something could not be told, 4 settings or contract unusable.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from checks.test_slo import Bound, Objective, judge_objective
from selfcheck import components, contract, settings
from selfcheck.contract import CREDENTIALS, Component
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.run import EXIT_FAILED, EXIT_INCONCLUSIVE, EXIT_PASS, close, open_run
from selfcheck.settings import SETTING_OF
from selfcheck.values import harmless
from selfcheck.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from selfcheck.clients.prometheus import Alert, QueryResult, Sample
    from selfcheck.clients.prometheus import Target as ScrapeTarget
    from selfcheck.target import Target

EXIT_UNUSABLE: Final = 4
_WIDTH: Final = 80
_ANSWER_SECONDS: Final = 3.0
_ALL_SECONDS: Final = 8.0
_ALERTS_MAX: Final = 8
_WELL: Final = frozenset({"healthy", "ok", "up", "pass"})
_NAME: Final = re.compile("[a-zA-Z_:][a-zA-Z0-9_:]*")
_SHOWN: Final = tuple(each for each in Component if each not in CREDENTIALS and each is not Component.CLASSIFIER)


class State(StrEnum):
    """How a component or a metric is."""

    WELL = "up"
    WRONG = "DOWN"
    UNKNOWN = "?"
    ABSENT = "-"


@dataclass(frozen=True, slots=True)
class Part:
    """One component: what it says of itself, and how long ago Prometheus scraped it."""

    name: str
    state: State
    version: str = ""
    detail: str = ""
    scraped_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    """One key metric: the worst of its values, with whose it is, against its bounds."""

    name: str
    unit: str
    value: float | None
    whose: str
    target: Bound | None
    alarm: Bound
    state: State
    remark: str


@dataclass(frozen=True, slots=True)
class Status:
    """Everything that the screen shows. `alerts` is None where nobody could tell."""

    where: str
    at: dt.datetime
    parts: tuple[Part, ...]
    alerts: tuple[Alert, ...] | None
    metrics: tuple[Metric, ...]

    def wrong(self) -> list[str]:
        """Say what is wrong, as phrases."""
        found = [f"{part.name} is down" for part in self.parts if part.state is State.WRONG]
        firing = [alert.name for alert in self.alerts or () if alert.state == "firing"]
        found += [f"{len(firing)} alert{'s fire' if len(firing) > 1 else ' fires'}"] if firing else []
        found += [f"{metric.name} is beyond its threshold" for metric in self.metrics if metric.state is State.WRONG]
        return found

    def unknown(self) -> list[str]:
        """Say what could not be told, as phrases."""
        found = [f"how {part.name} is" for part in self.parts if part.state is State.UNKNOWN]
        found += ["whether alerts fire"] if self.alerts is None else []
        metrics = [metric.name for metric in self.metrics if metric.state is State.UNKNOWN]
        return found + (["the key metrics"] if len(metrics) == len(self.metrics) > 1 else metrics)

    @property
    def exit_code(self) -> int:
        """Give 1 for what is wrong, 10 for what could not be told, else 0."""
        return EXIT_FAILED if self.wrong() else EXIT_INCONCLUSIVE if self.unknown() else EXIT_PASS


# -------------------------------------------------------------------------------------------------------------- looking


def look(target: Target) -> Status:
    """Look at everything at the same time; never raises CouldNotObserve."""
    looks: dict[Component, Callable[[Target], tuple[str, str]]] = {
        Component.APP: _app,
        Component.PROMETHEUS: _prometheus,
        Component.ALERTMANAGER: _alertmanager,
        Component.GRAFANA: _grafana,
        Component.REDIS: _redis,
        Component.POSTGRES: lambda target: (components.postgres(target).version().split()[0], ""),
        Component.TOXIPROXY: _toxiproxy,
        Component.KUBERNETES: lambda target: (components.kubernetes(target).version(), ""),
    }
    with ThreadPoolExecutor(max_workers=len(looks) + 3) as pool:
        scrapes = pool.submit(_scrapes, target)
        alerts = pool.submit(_alerts, target)
        metrics = pool.submit(_metrics, target)
        parts = list(pool.map(lambda component: _part(target, component, looks[component]), _SHOWN))
        scraped = scrapes.result()
        return Status(
            where=f"{target.scope.base_url} ({target.scope.name})",
            at=dt.datetime.now(dt.UTC),
            parts=tuple(_with_scrape(part, scraped, target) for part in parts),
            alerts=alerts.result(),
            metrics=metrics.result(),
        )


def _part(target: Target, component: Component, ask: Callable[[Target], tuple[str, str]]) -> Part:
    if not target.scope.covers(component):
        return Part(component, State.ABSENT, detail=f"not covered: set {SETTING_OF[component]}")
    try:
        version, detail = ask(target)
    except CouldNotObserve as error:
        unclear = error.trouble in (Trouble.DEADLINE, Trouble.CREDENTIAL)
        return Part(component, State.UNKNOWN if unclear else State.WRONG, detail=error.came_back)
    except _NotWellError as error:
        return Part(component, State.WRONG, detail=str(error))
    except _UnclearError as error:
        return Part(component, State.UNKNOWN, detail=str(error))
    return Part(component, State.WELL, version, detail)


class _NotWellError(Exception):
    """It answers, and says that it is not well."""


class _UnclearError(Exception):
    """It answers, and what it says leaves open whether it is well."""


def _app(target: Target) -> tuple[str, str]:
    page = target.platform.get(target.contract.platform.identity.health_route)
    body = page.json() if page.status == 200 else None
    if not isinstance(body, dict):
        message = f"its health page answers HTTP {page.status}"
        raise _NotWellError(message)
    said = str(body.get("status", ""))
    if said and said not in _WELL:
        message = f"it says that it is {said}"
        raise _NotWellError(message)
    ready = target.contract.platform.identity.ready_route
    if ready is not None and (answered := target.platform.get(ready).status) != 200:
        message = f"its page of readiness answers HTTP {answered}"
        raise _NotWellError(message)
    try:
        version = str(target.openapi().json()["info"]["version"])
    except (CouldNotObserve, KeyError, TypeError):
        version = ""
    return version, said


def _prometheus(target: Target) -> tuple[str, str]:
    client = target.prometheus_client()
    version = client.build_info().version
    if not client.ready():
        message = "it answers, but not that it is ready"
        raise _NotWellError(message)
    targets = target.targets()
    for health, error in (("down", _NotWellError), ("unknown", _UnclearError)):
        found = [each for each in targets if each.health == health]
        if found:
            jobs = ", ".join(sorted({each.job for each in found}))
            message = f"{len(found)} of {len(targets)} targets {health}: {jobs}"
            raise error(message)
    if not targets:
        message = "it scrapes nothing"
        raise _NotWellError(message)
    rules = sum(len(group.rules) for group in target.rule_groups())
    return version, f"{len(targets)} targets up, {rules} rules"


def _alertmanager(target: Target) -> tuple[str, str]:
    client = components.alertmanager(target)
    version = client.status().version
    if not client.ready():
        message = "it answers, but not that it is ready"
        raise _NotWellError(message)
    silences = [each for each in client.silences() if each.state == "active"]
    return version, f"{len(silences)} silence{'' if len(silences) == 1 else 's'}" if silences else ""


def _grafana(target: Target) -> tuple[str, str]:
    client = components.grafana(target)
    health = client.health()
    if not health.well:
        message = f"its database is {health.database}"
        raise _NotWellError(message)
    return health.version, f"{len(client.dashboards())} dashboards" if client.lets_in() else "lets nobody look"


def _redis(target: Target) -> tuple[str, str]:
    client = components.redis(target)
    client.ping()
    try:
        return str(client.info("server").get("redis_version", "")), ""
    except CouldNotObserve:  # a user that may ping and nothing else
        return "", ""


def _toxiproxy(target: Target) -> tuple[str, str]:
    client = components.toxiproxy(target)
    return client.version(), f"{len(client.proxies())} proxies"


def _scrapes(target: Target) -> Sequence[ScrapeTarget]:
    try:
        return target.targets() if target.prometheus is not None else ()
    except CouldNotObserve:
        return ()


def _with_scrape(part: Part, scraped: Sequence[ScrapeTarget], target: Target) -> Part:
    """Add how long ago a component was scraped: the longest of its targets; of an exporter, where it has one."""
    url = target.scope.url(Component(part.name)) or ""
    if part.name == Component.APP and scraped:
        try:
            own = list(target.app_targets())
        except CouldNotObserve:
            own = []
    else:
        own = [each for each in scraped if _address(each.scrape_url) == _address(url)]
        own = own or [each for each in scraped if part.name in each.job.lower()]
    ages = [time.time() - each.last_scrape_at for each in own if each.last_scrape_at]
    state, detail = part.state, part.detail
    if part.name == Component.APP and scraped and state is State.WELL:
        state, replicas = _of_replicas(own, target.scope.environment.replicas)
        detail = ", ".join(filter(None, [detail, replicas]))
    return Part(part.name, state, part.version, detail, max(0.0, *ages) if ages else None)


def _of_replicas(own: Sequence[ScrapeTarget], promised: int | None) -> tuple[State, str]:
    """Say how many replicas are up, of those that are scraped or promised, whichever are more."""
    if not own:
        return State.UNKNOWN, "no replica is scraped"
    instances = {each.instance for each in own}
    up = len({each.instance for each in own if each.health == "up"})
    count = max(len(instances), promised or 0)
    unclear = len(instances) == count and all(each.health in {"up", "unknown"} for each in own)
    state = State.WELL if up == count else State.UNKNOWN if unclear else State.WRONG
    return state, f"{up} of {count} replicas up"


def _address(url: str) -> tuple[str, int | None]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return "localhost" if host in {"127.0.0.1", "::1"} else host, parts.port


def _alerts(target: Target) -> tuple[Alert, ...] | None:
    if target.prometheus is None:
        return None
    try:
        return tuple(target.prometheus.alerts())
    except CouldNotObserve:
        return None


def _metrics(target: Target) -> tuple[Metric, ...]:
    """Ask for all key metrics at once; none, where there is no Prometheus to ask."""
    if target.prometheus is None:
        return ()
    objectives = [each for each in target.contract.promises("slo.objective", Objective) if _NAME.fullmatch(each.query)]
    traffic = [
        each.traffic.query.replace("{window}", f"{math.ceil(each.traffic.window_seconds)}s") for each in objectives
    ]
    asked = list(dict.fromkeys([*(each.query for each in objectives), *traffic]))
    answers = dict(zip(asked, target.prometheus.query_all(asked), strict=True))
    return tuple(_metric(each, answers[each.query], answers[of]) for each, of in zip(objectives, traffic, strict=True))


def _metric(
    objective: Objective, answer: QueryResult | CouldNotObserve, traffic: QueryResult | CouldNotObserve
) -> Metric:
    def made(worst: Sample | None, state: State, remark: str) -> Metric:
        labels = {name: value for name, value in worst.labels.items() if name != "__name__"} if worst else {}
        return Metric(
            name=objective.query,
            unit=objective.unit,
            value=worst.value if worst else None,
            whose=", ".join(labels.values()),
            target=objective.target,
            alarm=objective.breach,
            state=state,
            remark=remark,
        )

    if isinstance(answer, CouldNotObserve):
        return made(None, State.UNKNOWN, "could not ask")
    samples = [each for each in answer.samples if not math.isnan(each.value)]
    above = objective.breach.above is not None
    worst = (max if above else min)(samples, key=lambda each: each.value, default=None)
    count = traffic.samples[0].value if not isinstance(traffic, CouldNotObserve) and traffic.samples else 0.0
    verdict = judge_objective(objective, answer, count, where="", reproduce="")
    if verdict.outcome is Outcome.FAIL:
        return made(worst, State.WRONG, "ALARM")
    if verdict.outcome is not Outcome.PASS:
        return made(worst, State.UNKNOWN, "no data" if worst is None else "too little traffic")
    return made(worst, State.WELL, "target missed" if verdict.notes else "ok")


# -------------------------------------------------------------------------------------------------------------- showing


def render(status: Status) -> list[str]:
    """Give the lines of the screen, each of 80 columns at most; nothing in them acts on a terminal."""
    head = f"{status.where:<{_WIDTH - 24}}"[: _WIDTH - 24]
    lines = [f"{head} {status.at:%Y-%m-%d %H:%M:%S UTC}", ""]
    lines.append(f"{'component':<13}{'state':<6}{'version':<12}{'scraped':<11}")
    for part in status.parts:
        age = "" if part.scraped_seconds is None else f"{_span(part.scraped_seconds)} ago"
        lines += _folded(f"{part.name:<13}{part.state:<6}{part.version[:11]:<12}{age:<11}", part.detail)
    lines += ["", *_alert_lines(status)]
    if status.metrics:
        lines += ["", f"{'key metric':<28}{'now':<11}{'target':<11}{'alarm':<11}"]
        for metric in status.metrics:
            aim = "" if metric.target is None else _bound(metric.target, metric.unit)
            row = f"{metric.name[:27]:<28}{_value(metric.value, metric.unit):<11}{aim:<11}"
            worst = f" ({metric.whose})" if metric.whose and metric.remark != "ok" else ""
            lines += _folded(f"{row}{_bound(metric.alarm, metric.unit):<11}", f"{metric.remark}{worst}")
    lines += ["", *_folded("", _closing(status))]
    return [_inert(line) for line in lines]


def _alert_lines(status: Status) -> Iterator[str]:
    if status.alerts is None:
        yield "alerts: could not be asked for"
        return
    firing = [alert for alert in status.alerts if alert.state == "firing"]
    pending = len(status.alerts) - len(firing)
    yield f"alerts: {len(firing)} firing, {pending} pending"
    order = {"critical": 0, "warning": 1}
    shown = sorted(status.alerts, key=lambda each: (each.state, order.get(each.labels.get("severity", ""), 2)))
    for alert in shown[:_ALERTS_MAX]:
        since = f"for {_span(time.time() - alert.active_at)}" if alert.active_at else ""
        start = f"  {alert.state:<9}{alert.labels.get('severity', '')[:9]:<10}"
        yield from _folded(start, f"{alert.name} {since}".rstrip())
    if len(shown) > _ALERTS_MAX:
        yield f"  and {len(shown) - _ALERTS_MAX} more"


def _closing(status: Status) -> str:
    wrong, unknown = status.wrong(), status.unknown()
    code = f"(exit code {status.exit_code})"
    told = f"could not tell: {', '.join(unknown)}" if unknown else ""
    if wrong:
        return f"something is wrong: {'; '.join([*wrong, *filter(None, [told])])} {code}"
    return f"{told or 'all is well'} {code}"


def _folded(start: str, text: str) -> list[str]:
    """Put a text behind the start of a line, and what is too long under it."""
    width = _WIDTH - len(start)
    parts = textwrap.wrap(" ".join(text.split()), width, max_lines=3, placeholder=" ...") or [""]
    return [f"{start if number == 0 else ' ' * len(start)}{part}".rstrip() for number, part in enumerate(parts)]


def _inert(line: str) -> str:
    return harmless(line).replace("\n", " ")[:_WIDTH]


def _span(seconds: float) -> str:
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    if unit == "ratio":
        return f"{100 * value:.4g} %"
    return f"{value:.3g} s" if unit == "seconds" else f"{value:.4g}"


def _bound(bound: Bound, unit: str) -> str:
    sign, value = (">", bound.above) if bound.above is not None else ("<", bound.below)
    # Nothing at all is written as a bound just above it.
    return "0" if sign == "<" and value is not None and value < 1e-6 else f"{sign} {_value(value, unit)}"


def main() -> int:
    """Print the screen; gives the exit code."""
    try:
        chosen = settings.read()
        loaded = contract.load(chosen.contract)
        limits = loaded.platform.limits.model_copy(update={"request_timeout_seconds": _ANSWER_SECONDS})
        loaded.platform = loaded.platform.model_copy(update={"limits": limits})
        run = open_run(chosen.model_copy(update={"deadline": _ALL_SECONDS}), loaded)
    except (settings.SettingsError, contract.ContractError) as error:
        print(f"observability-status: {error}", file=sys.stderr)
        return EXIT_UNUSABLE
    try:
        status = look(run.target)
        print("\n".join(run.clean(line) for line in render(status)))
    finally:
        close(run)
    return status.exit_code


if __name__ == "__main__":
    sys.exit(main())
