"""How seeded defects break the lab, and how they are undone.

A defect is a module in `lab/defects/` with a `DEFECT`; its name is the module's. What it does is a *kind*: an object
that can `apply` itself to a lab and `undo` itself, also in another process than the one that applied it, so an undo
rests on nothing but the lab. The kinds that change the answers or the inside of a replica are in `lab.tamper`.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol

import httpx

from lab import configuration, defects
from lab.configuration import ALERTMANAGER, GRAFANA, HAPROXY, PROMETHEUS, REPLICAS, rule_files
from lab.supervisor import Lab, LabError, RefusedError

Edit = Callable[[dict[str, Any]], dict[str, Any] | None]
"""Changes a parsed configuration in place, or gives another one."""

_TOXIPROXY_TIMEOUT_SECONDS: Final = 5.0


class Kind(Protocol):
    """A way to break the lab."""

    def apply(self, lab: Lab) -> None:
        """Break it; the defect is in force when this returns. Raises when it is not."""

    def undo(self, lab: Lab) -> None:
        """Make it whole again; fine when it is whole already. Raises when it is not whole afterwards."""


@dataclass(frozen=True, slots=True)
class Defect:
    """One seeded defect.

    `breaks` says the promise that it breaks, `caught_by` names the checks that must see it, `how` does it, and `also`
    names the checks that may see it as well. `load` has the settings of the load test that shows it, where the gate
    does not look for it; `unclear` names the checks that must then be INCONCLUSIVE, as it breaks the look and not the
    platform. `chaos` names the experiment that shows it.
    """

    breaks: str
    caught_by: tuple[str, ...]
    how: Kind
    also: tuple[str, ...] = ()
    load: Mapping[str, str] = field(default_factory=dict)
    unclear: tuple[str, ...] = ()
    chaos: str = ""


def catalogue() -> dict[str, Defect]:
    """Give every defect by name, sorted. Raises LabError for a module without a `DEFECT`."""
    found = {}
    for module in pkgutil.iter_modules(defects.__path__):
        if module.name.startswith("_"):
            continue
        loaded = importlib.import_module(f"{defects.__name__}.{module.name}")
        defect = getattr(loaded, "DEFECT", None)
        if not isinstance(defect, Defect):
            message = f"{loaded.__name__} has no DEFECT"
            raise LabError(message)
        found[module.name] = defect
    return dict(sorted(found.items()))


def break_(lab: Lab, name: str) -> None:
    """Apply a defect to a running lab until `mend`. Raises LabError when it is active already or cannot be applied."""
    defect = _known(name)
    with lab.change_state() as state:
        if name in state.broken:
            message = f"{name} is active already"
            raise LabError(message)
        # Before it is applied: an undo too many does no harm, one too few does.
        state.broken.append(name)
    try:
        defect.how.apply(lab)
    except BaseException:
        mend(lab, name)
        raise


def mend(lab: Lab, name: str) -> None:
    """Undo a defect; fine when it is not active. It counts as active until its undo succeeded."""
    _known(name).how.undo(lab)
    with lab.change_state() as state:
        if name in state.broken:
            state.broken.remove(name)


@contextmanager
def applied(lab: Lab, name: str) -> Iterator[Defect]:
    """Have a defect active within the `with` block; it is undone whatever happens there."""
    break_(lab, name)
    try:
        yield _known(name)
    finally:
        mend(lab, name)


def _known(name: str) -> Defect:
    known = catalogue()
    if name not in known:
        message = f"there is no defect {name!r}; `python -m lab defects` lists them"
        raise LabError(message)
    return known[name]


@dataclass(frozen=True, slots=True)
class _Configuration:
    """Another configuration for a server, in place of its healthy one, until the undo.

    `change` gives the broken texts by file name from the healthy ones. Two defects cannot change the same files at the
    same time: which of them an undo had to leave in force would depend on the order.
    """

    files: tuple[str, ...]
    change: Callable[[dict[str, str]], dict[str, str]]
    reload: Callable[[Lab], None]
    refused: bool = False

    def apply(self, lab: Lab) -> None:
        """Write the broken files and load them; raises RefusedError when the server does not take them."""
        healthy = self._healthy(lab)
        for name, text in healthy.items():
            if (lab.config / name).read_text(encoding="utf-8") != _final(lab, name, text):
                message = f"{name} is changed by another defect; mend that first"
                raise LabError(message)
        broken = self.change(healthy)
        if broken == healthy:
            message = f"the defect changes nothing in {', '.join(self.files)}"
            raise LabError(message)
        self._write(lab, broken)
        try:
            self._load(lab)
        except RefusedError:
            if not self.refused:
                raise
        else:
            if self.refused:
                message = f"the server was to refuse {', '.join(self.files)} and took it"
                raise LabError(message)

    def _load(self, lab: Lab) -> None:
        if self.refused and self.reload is Lab.reload_prometheus:
            # The server itself is to refuse it, not the checker before it.
            lab.reload_prometheus(checked=False)
        else:
            self.reload(lab)

    def undo(self, lab: Lab) -> None:
        """Write the healthy files again and load them."""
        self._write(lab, self._healthy(lab))
        self.reload(lab)

    def _healthy(self, lab: Lab) -> dict[str, str]:
        everything = lab.healthy_configuration()
        return {name: everything[name] for name in self.files}

    def _write(self, lab: Lab, texts: Mapping[str, str]) -> None:
        for name, text in texts.items():
            lab.write_configuration(name, _final(lab, name, text))


def _final(lab: Lab, name: str, text: str) -> str:
    return lab.haproxy_text(text) if name == HAPROXY else text


def prometheus_config(edit: Edit, *, refused: bool = False) -> Kind:
    """Edit the parsed `prometheus.yml`. `refused`: Prometheus must refuse it, and go on with its old one."""
    return _Configuration((PROMETHEUS,), _edited(PROMETHEUS, edit), Lab.reload_prometheus, refused)


def relabelled(*steps: Mapping[str, Any]) -> Kind:
    """Have Prometheus relabel the samples of the platform (`metric_relabel_configs`)."""

    def edit(document: dict[str, Any]) -> None:
        job = next(job for job in document["scrape_configs"] if job["job_name"] == "cad-ml-platform")
        job["metric_relabel_configs"] = [*steps]

    return prometheus_config(edit)


def alertmanager_config(edit: Edit, *, refused: bool = False) -> Kind:
    """Edit the parsed `alertmanager.yml`. `refused`: Alertmanager must refuse it, and go on with its old one."""
    return _Configuration((ALERTMANAGER,), _edited(ALERTMANAGER, edit), Lab.reload_alertmanager, refused)


def haproxy_config(edit: Callable[[str], str]) -> Kind:
    """Edit the text of `haproxy.cfg`."""

    def change(healthy: dict[str, str]) -> dict[str, str]:
        return {HAPROXY: edit(healthy[HAPROXY])}

    return _Configuration((HAPROXY,), change, Lab.reload_haproxy)


def rules(edit: Edit, *, refused: bool = False) -> Kind:
    """Edit the rules: `edit` gets `{"groups": [...]}` with the groups of all rule files, durations already scaled.

    A group stays in its file; a new one goes to the first. `rule_named` finds one rule.
    """
    names = rule_files()

    def change(healthy: dict[str, str]) -> dict[str, str]:
        documents = {name: configuration.parsed(text) for name, text in healthy.items()}
        file_of = {group["name"]: name for name, document in documents.items() for group in document["groups"]}
        merged: dict[str, Any] = {"groups": [group for document in documents.values() for group in document["groups"]]}
        merged = edit(merged) or merged
        return {
            name: configuration.dumped(
                {"groups": [group for group in merged["groups"] if file_of.get(group["name"], names[0]) == name]}
            )
            for name in names
        }

    return _Configuration(names, change, Lab.reload_prometheus, refused)


def dashboard(uid: str, edit: Edit) -> Kind:
    """Edit the parsed JSON of the dashboard in the file that is named like a uid; `panel_titled` finds one panel."""
    name = f"{GRAFANA}/dashboards/{uid}.json"

    def change(healthy: dict[str, str]) -> dict[str, str]:
        document = json.loads(healthy[name])
        return {name: json.dumps(edit(document) or document, indent=2)}

    return _Configuration((name,), change, Lab.reload_grafana)


def dashboard_text(uid: str, edit: Callable[[str], str]) -> Kind:
    """Edit the text of a dashboard's file."""
    name = f"{GRAFANA}/dashboards/{uid}.json"
    return _Configuration((name,), lambda healthy: {name: edit(healthy[name])}, Lab.reload_grafana)


def data_sources(edit: Edit) -> Kind:
    """Edit the parsed provisioning file of Grafana's data sources."""
    name = f"{GRAFANA}/provisioning/datasources/prometheus.yml"
    return _Configuration((name,), _edited(name, edit), Lab.reload_grafana)


def panel_titled(document: Mapping[str, Any], title: str) -> dict[str, Any]:
    """Find a panel of a parsed dashboard, also in a collapsed row; raises LabError without one."""
    for panel in document["panels"]:
        for each in (panel, *panel.get("panels", ())):
            if each["title"] == title:
                found: dict[str, Any] = each
                return found
    message = f"no panel is titled {title!r}"
    raise LabError(message)


def rule_named(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Find the first rule that records or alerts as `name` in a parsed rule document; raises LabError without one."""
    for group in document["groups"]:
        for rule in group["rules"]:
            if name in {rule.get("record"), rule.get("alert")}:
                found: dict[str, Any] = rule
                return found
    message = f"no rule is named {name!r}"
    raise LabError(message)


def _edited(name: str, edit: Edit) -> Callable[[dict[str, str]], dict[str, str]]:
    def change(healthy: dict[str, str]) -> dict[str, str]:
        document = configuration.parsed(healthy[name])
        return {name: configuration.dumped(edit(document) or document)}

    return change


class _Toxiproxy:
    """The API of the lab's Toxiproxy."""

    def __init__(self, lab: Lab) -> None:
        self._url = lab.ports.url("toxiproxy")

    def ask(self, method: str, path: str, body: object = None, *, fine: tuple[int, ...] = (200,)) -> Any:
        """Ask; gives the JSON of the answer, None for an empty one. Raises LabError for another status than `fine`."""
        url = f"{self._url}{path}"
        try:
            answer = httpx.request(method, url, json=body, timeout=_TOXIPROXY_TIMEOUT_SECONDS, trust_env=False)
        except httpx.HTTPError as error:
            message = f"{method} {url} failed: {type(error).__name__}: {error}"
            raise LabError(message) from error
        if answer.status_code not in fine:
            message = f"{method} {url} answered {answer.status_code}: {answer.text[:200]}"
            raise LabError(message)
        return answer.json() if answer.content else None


@dataclass(frozen=True, slots=True)
class _Toxic:
    proxy: str
    type: str
    stream: str
    toxicity: float
    attributes: Mapping[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"defect-{self.type}-{self.stream}"

    def apply(self, lab: Lab) -> None:
        api = _Toxiproxy(lab)
        wanted = {
            "name": self.name,
            "type": self.type,
            "stream": self.stream,
            "toxicity": self.toxicity,
            "attributes": dict(self.attributes),
        }
        api.ask("POST", f"/proxies/{self.proxy}/toxics", wanted)
        there = api.ask("GET", f"/proxies/{self.proxy}/toxics/{self.name}")
        # Toxiproxy ignores attributes that it does not know.
        if any(there["attributes"].get(key) != value for key, value in self.attributes.items()):
            message = f"the toxic {self.type} on {self.proxy} is {there['attributes']}, not {dict(self.attributes)}"
            raise LabError(message)

    def undo(self, lab: Lab) -> None:
        api = _Toxiproxy(lab)
        api.ask("DELETE", f"/proxies/{self.proxy}/toxics/{self.name}", fine=(204, 404))
        if any(there["name"] == self.name for there in api.ask("GET", f"/proxies/{self.proxy}/toxics")):
            message = f"the toxic {self.type} on {self.proxy} is still there"
            raise LabError(message)


def toxic(
    proxy: str,
    type: str,  # noqa: A002 - Toxiproxy's word
    *,
    stream: str = "downstream",
    toxicity: float = 1.0,
    **attributes: float,
) -> Kind:
    """Put a toxic on the connections to `paddle`, `deepseek_hf`, `vision` or `redis`.

    `type` and attributes are Toxiproxy's: `toxic("redis", "latency", latency=500)` (milliseconds).
    """
    _check_proxy(proxy)
    return _Toxic(proxy, type, stream, toxicity, attributes)


@dataclass(frozen=True, slots=True)
class _ProxyDown:
    proxy: str

    def apply(self, lab: Lab) -> None:
        self._set(lab, enabled=False)

    def undo(self, lab: Lab) -> None:
        self._set(lab, enabled=True)

    def _set(self, lab: Lab, *, enabled: bool) -> None:
        api = _Toxiproxy(lab)
        api.ask("POST", f"/proxies/{self.proxy}", {"enabled": enabled})
        if api.ask("GET", f"/proxies/{self.proxy}")["enabled"] is not enabled:
            message = f"the proxy {self.proxy} is still {'down' if enabled else 'up'}"
            raise LabError(message)


def proxy_down(proxy: str) -> Kind:
    """Refuse all connections to `paddle`, `deepseek_hf`, `vision` or `redis`, and cut those that are open."""
    _check_proxy(proxy)
    return _ProxyDown(proxy)


def _check_proxy(proxy: str) -> None:
    if proxy not in configuration.PROXIES:
        message = f"there is no proxy {proxy!r}; there are {', '.join(configuration.PROXIES)}"
        raise ValueError(message)


@dataclass(frozen=True, slots=True)
class _Stopped:
    names: tuple[str, ...]

    def apply(self, lab: Lab) -> None:
        for name in self.names:
            lab.process(name).stop()

    def undo(self, lab: Lab) -> None:
        # At the same time: replicas take seconds each, and parts may need each other to get ready.
        with ThreadPoolExecutor(max_workers=len(self.names)) as pool:
            _each([pool.submit(lab.process(name).start).result for name in self.names])


def stopped(*processes: str) -> Kind:
    """End parts of the lab (`python -m lab status` lists them); the undo starts them and waits until they are ready."""
    return _Stopped(processes)


@dataclass(frozen=True, slots=True)
class _Paused:
    names: tuple[str, ...]

    def apply(self, lab: Lab) -> None:
        for name in self.names:
            lab.process(name).pause()

    def undo(self, lab: Lab) -> None:
        _each(reversed([lab.process(name).resume for name in self.names]))


def paused(*processes: str) -> Kind:
    """Pause parts of the lab: their ports stay open and nothing answers."""
    return _Paused(processes)


@dataclass(frozen=True, slots=True)
class _Environment:
    names: tuple[str, ...]
    variables: Mapping[str, str]

    def apply(self, lab: Lab) -> None:
        # One after the other, so that the service goes on.
        for name in self.names:
            lab.override(name, dict(self.variables))

    def undo(self, lab: Lab) -> None:
        back = dict.fromkeys(self.variables)
        overridden = lab.state().overrides
        _each(
            [
                partial(lab.override, name, back)
                for name in self.names
                if self.variables.keys() & overridden.get(name, {}).keys()
            ]
        )


def environment(replicas: str | tuple[str, ...] = REPLICAS, **variables: str) -> Kind:
    """Restart parts (replicas, or a provider by its name) with other environment variables."""
    return _Environment((replicas,) if isinstance(replicas, str) else replicas, variables)


@dataclass(frozen=True, slots=True)
class _Both:
    kinds: tuple[Kind, ...]

    def apply(self, lab: Lab) -> None:
        for kind in self.kinds:
            kind.apply(lab)

    def undo(self, lab: Lab) -> None:
        _each([partial(kind.undo, lab) for kind in reversed(self.kinds)])


def both(*kinds: Kind) -> Kind:
    """Do several things at once; they are undone in reverse order, each one even when another's undo fails."""
    return _Both(kinds)


def _each(steps: Iterable[Callable[[], object]]) -> None:
    """Run every step, and raise what failed at the end."""
    failures = []
    for step in steps:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - collected, and raised below
            failures.append(error)
    if len(failures) == 1:
        raise failures[0]
    if failures:
        message = "several undos failed"
        raise ExceptionGroup(message, failures)
