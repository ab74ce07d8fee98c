"""The contract: what the platform promises, read from a folder of TOML files.

`platform.toml` holds what every check needs to know of the platform: its environments, limits and identity. `api.toml`
also holds the routes and the synthetic requests ("acts") that checks in all areas share. Everything else is promises:
each top-level array of tables in `<area>.toml` is a *kind* of promise, whose model stands next to the check that looks
at it and is registered here by `kind()`. A promise of a known kind is therefore one more table in a file, and a new
kind is one model beside its check.

Errors name the file, the table and the key, and list the keys that exist.
"""

import datetime as dt
import difflib
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_validator

from selfcheck import corpus

DEFAULT_CONTRACT = Path(__file__).resolve().parent.parent / "contract"
"""The manual's platform."""


class ContractError(Exception):
    """The contract cannot be used; the text says which file and key are wrong and what would be right."""


class Model(BaseModel):
    """Base of everything in the contract: frozen, and no key is accepted that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Right(StrEnum):
    """What a run may do to a target, from harmless to harmful."""

    READ = "read"
    SYNTHETIC = "synthetic"
    INTRUSIVE = "intrusive"
    LOAD = "load"
    CHAOS = "chaos"


class Component(StrEnum):
    """What a check can need: a system with a URL, or a credential."""

    APP = "app"
    CLASSIFIER = "classifier"
    PROMETHEUS = "prometheus"
    ALERTMANAGER = "alertmanager"
    GRAFANA = "grafana"
    REDIS = "redis"
    POSTGRES = "postgres"
    TOXIPROXY = "toxiproxy"
    KUBERNETES = "kubernetes"
    API_KEY = "api_key"
    OTHER_API_KEY = "other_api_key"
    ADMIN_TOKEN = "admin_token"  # noqa: S105 - the name of a requirement


CREDENTIALS = frozenset({Component.API_KEY, Component.OTHER_API_KEY, Component.ADMIN_TOKEN})
"""The components that are credentials of the run."""


class Severity(StrEnum):
    """How urgent a broken promise is, as the manual's severity table has it."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


PromiseId = Annotated[str, Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]


@dataclass(frozen=True, slots=True)
class _OneOf:
    """Validates a name of something that the contract has; which names there are comes as validation context."""

    what: str

    def __call__(self, name: str, info: ValidationInfo) -> str:
        known: Collection[str] | None = (info.context or {}).get(self.what)
        if known is not None and name not in known:
            message = f"there is no {self.what} {name!r}{_meant(name, known)} (known: {', '.join(sorted(known))})"
            raise ValueError(message)
        return name


RouteName = Annotated[str, AfterValidator(_OneOf("route"))]
ActName = Annotated[str, AfterValidator(_OneOf("act"))]
PayloadName = Annotated[str, AfterValidator(_OneOf("payload"))]


class Promise(Model):
    """One promise of the platform; kinds of promises add what exactly is promised."""

    id: PromiseId
    says: str = Field(min_length=10, description="The promise as a sentence.")
    requires: tuple[Component, ...] = (Component.APP,)
    right: Right = Right.READ
    runbook: str = Field(min_length=1)
    owner: str = Field(min_length=1)
    severity: Severity

    def __repr__(self) -> str:
        """Name it only: reports show what a check was called with, and some promises hold a whole world."""
        return f"<{type(self).__name__} {self.id}>"

    @property
    def batch(self) -> str:
        """What belongs together in a run and is looked at in one go; most promises need no such order."""
        return ""

    @property
    def waits(self) -> bool:
        """Whether time must pass before it can be judged, so that others are looked at meanwhile; most need none."""
        return False


class Environment(Model):
    """A named set of component URLs, and what a run may do there."""

    base_url: str
    allow: tuple[Right, ...] = (Right.READ, Right.SYNTHETIC)
    replicas: int | None = Field(None, ge=1, description="How many replicas serve; unknown when left out.")
    replica_urls: tuple[str, ...] = ()
    classifier_url: str | None = None
    prometheus_url: str | None = None
    alertmanager_url: str | None = None
    receiver_url: str | None = Field(None, description="A page that tells which notifications of alerts arrived.")
    grafana_url: str | None = None
    dashboards: Path | None = Field(
        None, description="Folder of the dashboards and data sources that Grafana is provisioned with."
    )
    redis_url: str | None = None
    database_url: str | None = None
    toxiproxy_url: str | None = None
    kube_context: str | None = None
    rate_limit_window_seconds: float = Field(60, gt=0, description="The window of rate limits; the lab's is shorter.")
    triage_window_seconds: float = Field(300, gt=0, description="The window of the manual's triage; likewise.")
    time_scale: float = Field(
        1, gt=0, description="Durations of rules, scrapes and routes are divided by this; the lab's are shorter."
    )
    load_rate_max: float | None = Field(
        None, gt=0, description="Requests a second that a load test may send; without it none may be started."
    )
    change_freeze: str = Field("", description="Why nothing may be changed at present: no experiment is done then.")
    error_budget_min: float = Field(
        0.5, ge=0, le=1, description="The part of the error budget below which no experiment is done."
    )


class Limits(Model):
    """Bounds that keep a run harmless and finite."""

    requests_max: int = Field(ge=1, description="Requests that one run may send to the platform.")
    request_timeout_seconds: float = Field(gt=0)
    answer_bytes_max: int = Field(ge=1024)
    run_deadline_seconds: float = Field(gt=0)
    patience_seconds: float = Field(
        ge=0, description="How long a run may wait, all together, for a rate limit to let it go on."
    )
    clock_tolerance_seconds: float = Field(gt=0)
    counting_attempts_max: int = Field(ge=1, description="Tries for a quiet moment when other traffic is counted too.")
    page_asks: int = Field(ge=2, description="How often a page is asked where a balancer hides the replicas.")
    replica_probes: int = Field(ge=1, description="Requests through the load balancer to see who answers.")


class Identity(Model):
    """How to tell the platform from anything else that may listen at its address.

    One of the three is enough: a platform that is broken in one place is still the platform.
    """

    health_route: RouteName
    health_keys: tuple[str, ...] = Field(min_length=1)
    openapi_route: RouteName
    openapi_paths: tuple[str, ...] = Field(min_length=1)
    metrics_route: RouteName
    metric_families: tuple[str, ...] = Field(min_length=1)
    classifier_families: tuple[str, ...] = Field((), description="Families of an app that serves the classifier too.")
    ready_route: RouteName | None = Field(None, description="Where it says whether it takes requests.")


class ComponentPromise(Promise):
    """That one component answers, is what it claims to be, and takes the credentials; judged by the preflight."""

    component: Component


class Platform(Model):
    """`platform.toml` without the promises in it."""

    name: str
    api_key_header: str
    admin_token_header: str
    tag_header: str = Field(description="Header that marks every request of this suite.")
    limits: Limits
    identity: Identity
    environments: Mapping[str, Environment]
    component: tuple[ComponentPromise, ...]
    credentials_probe: ActName = Field(description="The act whose answer shows whether the API key is accepted.")
    admin_probe: RouteName = Field(description="The route whose answer shows whether the admin token is accepted.")
    candidate_register: ActName = Field(description="The act that registers a vector to compare with.")
    candidate_remove: ActName = Field(description="The act that removes it.")


class Route(Model):
    """Where one promised route is, and which credential it takes."""

    name: Name
    method: Literal["GET", "POST", "PUT", "DELETE", "PATCH"]
    path: str = Field(pattern=r"^/")
    component: Component = Component.APP
    key: Literal["none", "api_key", "admin_token"] = "none"


class Expectation(Model):
    """What the answer to an act must be."""

    status: Annotated[int, Field(ge=100, le=599)] | tuple[Annotated[int, Field(ge=100, le=599)], ...]
    body: Mapping[str, Any] = Field(default_factory=dict, description="Dotted path to required value.")
    one_of: Mapping[str, tuple[Any, ...]] = Field(
        default_factory=dict, description="Dotted path to the values of which it must have one."
    )

    @property
    def statuses(self) -> tuple[int, ...]:
        """The HTTP statuses that are fine."""
        return self.status if isinstance(self.status, tuple) else (self.status,)


class Act(Model):
    """One synthetic request, tagged as such, that checks send and whose effects they judge.

    `{unique}` in a value becomes text that no other request has; a `file` is made unique in the same way unless
    `repeat` is set; `{vector}` and `{candidate}` are a vector registered for this run and its id.
    """

    name: Name
    route: RouteName
    query: Mapping[str, str] = Field(default_factory=dict)
    file: PayloadName | None = Field(
        None, description="Name of a payload in the suite's corpus, sent as multipart field."
    )
    file_field: str = "file"
    base64: PayloadName | None = Field(None, description="Name of a payload whose base64 text `{base64}` stands for.")
    copies: int = Field(1, ge=1, le=20, description="How often the file is sent in one request, each time marked anew.")
    json_body: Mapping[str, Any] | None = None
    raw_body: str | None = Field(None, description="A body that no JSON writer would write, such as one with NaN.")
    content_type: str = Field("application/json", description="Of `raw_body`.")
    headers: Mapping[str, str] = Field(default_factory=dict)
    repeat: bool = Field(False, description="Send the same payload each time.")
    expect: Expectation

    @model_validator(mode="after")
    def _one_body(self) -> "Act":
        if sum(body is not None for body in (self.file, self.json_body, self.raw_body)) > 1:
            message = "give at most one of `file`, `json_body` and `raw_body`"
            raise ValueError(message)
        return self

    @property
    def needs_candidate(self) -> bool:
        """Whether the act works on a vector that was registered for it."""
        body = f"{self.json_body}{self.raw_body}"
        return "{candidate}" in body or "{vector}" in body


class Part(Model):
    """Base of what promises of an area share and refer to by name: the operations of a load test, for one."""

    name: Name


class Waiver(Model):
    """A known broken promise that is accepted until a date."""

    check: str = Field(description="Promise id, or a prefix of ids ending in `.*`.")
    reason: str = Field(min_length=10)
    owner: str = Field(min_length=1)
    link: str = Field(min_length=1)
    expires: dt.date


# --------------------------------------------------------------------------------------------------------------------
# Kinds of promises

_KINDS: dict[str, type[Promise]] = {}
_PARTS: dict[str, type[Part]] = {}
_CORE_TABLES = {
    "platform": frozenset(Platform.model_fields),
    "api": frozenset({"act", "route"}),
    "waivers": frozenset({"waiver"}),
}


def kind(name: str, model: type[Promise]) -> None:
    """Register the model of the promises in table `<area>.<table>`; the check beside the model calls this.

    Registering the same model twice does nothing, as happens when a module is imported again.
    """
    known = _KINDS.get(name)
    if known is not None and known.__qualname__ != model.__qualname__:
        message = f"two models for the promises {name}: {known.__qualname__} and {model.__qualname__}"
        raise ContractError(message)
    _KINDS[name] = model


def kinds() -> Mapping[str, type[Promise]]:
    """Give every registered kind by its name `<area>.<table>`."""
    return dict(_KINDS)


def part(name: str, model: type[Part]) -> None:
    """Register the model of the lines in table `<area>.<table>` that are no promises."""
    _PARTS[name] = model


def parts() -> Mapping[str, type[Part]]:
    """Give every registered part by its name `<area>.<table>`."""
    return dict(_PARTS)


P = TypeVar("P", bound=Promise)
Q = TypeVar("Q", bound=Part)
M = TypeVar("M", bound=Model)
N = TypeVar("N", bound=Act | Route | Part)
T = TypeVar("T")


class Contract:
    """A loaded contract. Promises of a kind are validated against the kind's model when they are asked for."""

    def __init__(self, folder: Path, documents: Mapping[str, Mapping[str, Any]]) -> None:
        self.folder = folder
        self._documents = documents
        self._promises: dict[str, tuple[Promise, ...]] = {}
        self._names: dict[str, Collection[str]] = {"payload": corpus.names()}
        self.routes: Mapping[str, Route] = _by_name(self._all(Route, "api", "route"))
        self._names["route"] = self.routes
        self.acts: Mapping[str, Act] = _by_name(self._all(Act, "api", "act"))
        self._names["act"] = self.acts
        self.waivers: tuple[Waiver, ...] = self._all(Waiver, "waivers", "waiver")
        self.platform = self._platform()
        self._check_urls()

    def _platform(self) -> Platform:
        document = self._documents.get("platform", {})
        path = self.folder / "platform.toml"
        core = {key: value for key, value in document.items() if key != "defaults"}
        defaults = _defaults(document, "component", path)
        core["component"] = [{**defaults, **line} for line in _lines(document, "component", path)]
        platform = _validate(Platform, core, path, "", self._names)
        for promise in platform.component:
            _check_area(promise, "platform", "component", path)
        return platform

    def _all(self, model: type[M], area: str, table: str) -> tuple[M, ...]:
        path = self.folder / f"{area}.toml"
        lines = _lines(self._documents.get(area, {}), table, path)
        return tuple(_validate(model, line, path, table, self._names) for line in lines)

    def promises(self, name: str, model: type[P]) -> tuple[P, ...]:
        """Give all promises of the kind `<area>.<table>`, in the order of the file; raises ContractError."""
        if name not in self._promises:
            area, _, table = name.partition(".")
            document = self._documents.get(area, {})
            path = self.folder / f"{area}.toml"
            defaults = _defaults(document, table, path)
            made = []
            for line in _each(document, table, path):
                promise = _validate(model, {**defaults, **line}, path, table, self._names)
                _check_area(promise, area, table, path)
                made.append(promise)
            self._promises[name] = tuple(made)
        return cast("tuple[P, ...]", self._promises[name])

    def parts(self, name: str, model: type[Q]) -> Mapping[str, Q]:
        """Give the lines of the table `<area>.<table>` that are no promises, by name; raises ContractError."""
        area, _, table = name.partition(".")
        document = self._documents.get(area, {})
        path = self.folder / f"{area}.toml"
        _defaults(document, table, path)  # refuses what is no table
        own = document.get("defaults", {}).get(table, {})
        lines = _each(document, table, path)
        return _by_name((_validate(model, {**own, **line}, path, table, self._names) for line in lines), path.name)

    def all_promises(self) -> Iterator[tuple[str, Promise]]:
        """Give (kind, promise) for every promise of every registered kind, and those of the preflight."""
        yield from (("platform.component", promise) for promise in self.platform.component)
        for name, model in sorted(_KINDS.items()):
            yield from ((name, promise) for promise in self.promises(name, model))

    def validate(self, elsewhere: Collection[str] = ()) -> None:
        """Check the whole contract against all registered kinds; raises ContractError.

        Finds files and tables that nothing reads, ids that are used twice, and waivers of checks that do not exist.
        `elsewhere` are areas whose kinds are not registered, because this run does not look at them; they are left out.
        """
        for area, document in self._documents.items():
            if area not in elsewhere:
                self._check_tables(area, document)
        for name, model in sorted(_PARTS.items()):
            self.parts(name, model)
        seen: dict[str, str] = {}
        for name, promise in self.all_promises():
            area, _, table = name.partition(".")
            if promise.id in seen:
                message = (
                    f"{self.folder / area}.toml: the id {promise.id!r} is used twice, in [[{seen[promise.id]}]] and in "
                    f"[[{table}]]"
                )
                raise ContractError(message)
            seen[promise.id] = table
        for waiver in self.waivers:
            if waiver.check.startswith("platform."):
                place = self.folder / "waivers.toml"
                message = f"{place}: {waiver.check} cannot be waived: everything that needs the component is blocked"
                raise ContractError(message)
            if waiver.check.partition(".")[0] not in elsewhere and not any(matches(waiver.check, id_) for id_ in seen):
                path = self.folder / "waivers.toml"
                hint = _meant(waiver.check, seen)
                message = f"{path}: [[waiver]] check: there is no check {waiver.check!r}{hint}"
                raise ContractError(message)

    def _check_tables(self, area: str, document: Mapping[str, Any]) -> None:
        areas = {name.partition(".")[0] for name in _KINDS} | set(_CORE_TABLES)
        if area not in areas:
            raise ContractError(_unknown(self.folder, f"{area}.toml", {f"{name}.toml" for name in areas}, "file"))
        known = {name.partition(".")[2] for name in (*_KINDS, *_PARTS) if name.startswith(f"{area}.")}
        known |= _CORE_TABLES.get(area, frozenset())
        for table in document:
            if table != "defaults" and table not in known:
                raise ContractError(_unknown(self.folder / f"{area}.toml", table, known, "table"))

    def route(self, name: str) -> Route:
        """Give a route by its name; raises ContractError."""
        return _lookup(self.routes, name, self.folder / "api.toml", "route")

    def act(self, name: str) -> Act:
        """Give an act by its name; raises ContractError."""
        return _lookup(self.acts, name, self.folder / "api.toml", "act")

    def _check_urls(self) -> None:
        for name, environment in self.platform.environments.items():
            urls = [(key, getattr(environment, key)) for key in _HTTP_URLS]
            urls += [("replica_urls", url) for url in environment.replica_urls]
            for key, url in urls:
                if url is not None and not _is_http(url):
                    path = self.folder / "platform.toml"
                    message = f"{path}: environments.{name}.{key} is not an http(s) URL: {url!r}"
                    raise ContractError(message)


_HTTP_URLS = (
    "base_url",
    "classifier_url",
    "prometheus_url",
    "alertmanager_url",
    "receiver_url",
    "grafana_url",
    "toxiproxy_url",
)


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, half an IPv6 address
        return False


def _check_area(promise: Promise, area: str, table: str, path: Path) -> None:
    if not promise.id.startswith(f"{area}."):
        message = f"{path}: [[{table}]] has id {promise.id!r}; ids in this file start with '{area}.'"
        raise ContractError(message)


def matches(pattern: str, promise_id: str) -> bool:
    """Tell whether `pattern` (an id, or a prefix ending in `.*`) covers the promise."""
    if pattern.endswith(".*"):
        return promise_id.startswith(pattern[:-1])
    return pattern == promise_id


def load(folder: Path | None = None) -> Contract:
    """Read a contract folder; raises ContractError with a sentence that names file and key."""
    folder = folder or DEFAULT_CONTRACT
    if not folder.is_dir():
        message = f"{folder}: there is no such contract folder; set SELF_CHECK_CONTRACT to a folder of TOML files"
        raise ContractError(message)
    documents: dict[str, Mapping[str, Any]] = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            documents[path.stem] = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            message = f"{path}: cannot be read: {error}"
            raise ContractError(message) from error
        except tomllib.TOMLDecodeError as error:
            message = f"{path}: is not TOML: {error}"
            raise ContractError(message) from error
    for needed in ("platform", "api"):
        if needed not in documents:
            message = (
                f"{folder}: a contract needs {needed}.toml; found {', '.join(sorted(documents)) or 'no TOML file'}"
            )
            raise ContractError(message)
    return Contract(folder, documents)


def _defaults(document: Mapping[str, Any], table: str, path: Path) -> dict[str, Any]:
    """Give what every line of a table has unless it says otherwise: `[defaults]`, and `[defaults.TABLE]` for it alone.

    A table of [defaults] that is named like a table of the file is for that one alone.
    """
    common = document.get("defaults", {})
    if not isinstance(common, Mapping):
        message = f"{path}: `defaults` must be a table: write [defaults]"
        raise ContractError(message)
    own = common.get(table, {})
    if not isinstance(own, Mapping):
        message = f"{path}: `defaults.{table}` must be a table: write [defaults.{table}]"
        raise ContractError(message)
    return {key: value for key, value in common.items() if key not in document} | dict(own)


def _lines(document: Mapping[str, Any], table: str, path: Path) -> list[Mapping[str, Any]]:
    lines = document.get(table, [])
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        message = f"{path}: `{table}` must be an array of tables: write [[{table}]]"
        raise ContractError(message)
    return lines


FOR_EACH = "for_each"
"""Key of a table that stands for several: one for each of these names, which `{each}` in its texts is.

Instead of names the word for another table of the same file: then it is one for each line there.
"""


def _each(document: Mapping[str, Any], table: str, path: Path) -> Iterator[Mapping[str, Any]]:
    """Give the lines of a table, those with `for_each` once for each name."""
    for line in _lines(document, table, path):
        names = line.get(FOR_EACH)
        if names is None:
            yield line
            continue
        if isinstance(names, str) and names != table:
            names = [each["name"] for each in _each(document, names, path) if "name" in each]
        if not (isinstance(names, list) and names and all(isinstance(name, str) for name in names)):
            message = (
                f"{path}: [[{table}]] {FOR_EACH} must be an array of names or another table, got {line[FOR_EACH]!r}"
            )
            raise ContractError(message)
        rest = {key: value for key, value in line.items() if key != FOR_EACH}
        yield from (_filled(rest, name) for name in names)


def _filled(value: Any, each: str) -> Any:
    """Put a name in the place of `{each}` in all texts."""
    if isinstance(value, str):
        return value.replace("{each}", each)
    if isinstance(value, Mapping):
        return {_filled(key, each): _filled(inner, each) for key, inner in value.items()}
    return [_filled(inner, each) for inner in value] if isinstance(value, list) else value


def _validate(
    model: type[M], data: Mapping[str, Any], path: Path, table: str, names: Mapping[str, Collection[str]]
) -> M:
    try:
        return model.model_validate(data, context=names)
    except ValidationError as error:
        raise ContractError(_explain(error, model, data, path, table)) from error


def _explain(error: ValidationError, model: type[Model], data: Mapping[str, Any], path: Path, table: str) -> str:
    lines = []
    label = data.get("id") or data.get("name") or data.get("check") or ""
    place = f"{path}: [[{table}]] {label}".rstrip() if table else f"{path}:"
    for problem in error.errors()[:5]:
        where = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            keys = _fields_at(model, problem["loc"][:-1])
            lines.append(_unknown(place, where, keys, "key"))
        elif problem["type"] == "missing":
            lines.append(f"{place} needs the key {where!r}")
        else:
            # What our own validators say comes with a preface of pydantic's; theirs is a sentence that begins large.
            said = str(problem["ctx"]["error"]) if problem["type"] == "value_error" else problem["msg"].lower()
            lines.append(f"{place} {where}: {said}, got {repr(problem.get('input'))[:60]}")
    return "\n".join(lines)


def _fields_at(model: type[BaseModel], location: Iterable[str | int]) -> set[str]:
    """Follow a validation error's location to the model that refused the key, and name its keys."""
    current: type[BaseModel] = model
    for part in location:
        field = current.model_fields.get(str(part)) if isinstance(part, str) else None
        candidates = _models_in(field.annotation) if field is not None else []
        if candidates:
            current = candidates[0]
    return set(current.model_fields)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in getattr(annotation, "__args__", ()) for found in _models_in(part)]


def _unknown(place: Path | str, key: str, known: Iterable[str], what: str) -> str:
    names = sorted(known)
    hint = _meant(key if key in names or what == "file" else key.rpartition(".")[2], names)
    return f"{place} has the unknown {what} {key!r}{hint} (known: {', '.join(names)})"


def _meant(name: str, known: Iterable[str]) -> str:
    """Guess what was meant by a name that does not exist; empty when nothing is near."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _by_name(items: Iterable[N], file: str = "api.toml") -> dict[str, N]:
    found: dict[str, N] = {}
    for item in items:
        if item.name in found:
            message = f"{file}: the name {item.name!r} is used twice"
            raise ContractError(message)
        found[item.name] = item
    return found


def _lookup(items: Mapping[str, T], name: str, path: Path, what: str) -> T:
    if name not in items:
        raise ContractError(_unknown(path, name, items, what))
    return items[name]
