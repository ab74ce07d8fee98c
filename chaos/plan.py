"""What an experiment does, as the contract says it: levers, faults, probes and experiments.

A *lever* is a place where something can go wrong on purpose: a proxy of Toxiproxy, a setting of Redis, or commands of
the deployment. A *fault* pulls a lever in one way. A *probe* is a request that is repeated to see what callers see.
Durations in `hold_seconds` are production timings: they are divided by the environment's `time_scale`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import Field, model_validator

from selfcheck.contract import ActName, ContractError, Model, Name, Part, RouteName, part
from selfcheck.observation import CouldNotObserve, Trouble

if TYPE_CHECKING:
    from selfcheck.contract import Contract

LEVERS = "chaos.lever"
PROBES = "chaos.probe"
EXPERIMENTS = "chaos.experiment"
WATCHES = "chaos.watch"
METRICS = "chaos.metrics"
BUDGET = "error_budget_left"
"""The watched figure that says which part of the error budget is left (0..1)."""
STOPS = "chaos.stops"
SEVERITIES = "chaos.severity_level"

Above0 = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]

ProxyFault = Literal[
    "down",  # the proxy is disabled: connections are refused, open ones are cut
    "latency",  # milliseconds, jitter_milliseconds
    "black_hole",  # what is sent never arrives; the connection stays open
    "reset",  # after so many milliseconds the connection is reset
    "slow_close",  # milliseconds until a close arrives
    "half_closed",  # the connection ends after so many bytes of the answer
    "bandwidth",  # kilobytes_per_second
    "sliced",  # answers come in small slices, with a pause between: bytes, milliseconds
    "garbage",  # something else listens there, whose answers make no sense
]


class Command(Model):
    """A fault that commands of the deployment make: argument lists, no shell. `{python}` stands for this interpreter.

    The undo is kept in the ledger before the fault is made, and may be run by another process, more than once, and
    where there is nothing to undo.
    """

    make: tuple[str, ...] = Field(min_length=1)
    undo: tuple[str, ...] = Field(min_length=1)
    is_made: tuple[str, ...] = Field(min_length=1, description="Ends with 0 while the fault is there.")
    is_undone: tuple[str, ...] = Field(min_length=1, description="Ends with 0 when it is gone.")
    timeout_seconds: Above0 = Field(60, description="Each of them may take so long.")


class Lever(Part):
    """One place where something can be made to go wrong; exactly one of the ways is given."""

    says: str = Field(min_length=5, description="What it is, for plans and reports.")
    proxy: str = Field("", description="Name of the proxy in Toxiproxy.")
    commands: Mapping[str, Command] = Field(default_factory=dict, description="By the kind of fault.")
    redis: Mapping[str, Mapping[str, str]] = Field(
        default_factory=dict, description="By the kind of fault, the settings (CONFIG SET) of Redis that make it."
    )
    environments: tuple[str, ...] = Field((), description="Where it exists; everywhere when left out.")

    @model_validator(mode="after")
    def _one_way(self) -> Lever:
        if sum(map(bool, (self.proxy, self.commands, self.redis))) != 1:
            message = "give exactly one of `proxy`, `commands` and `redis`"
            raise ValueError(message)
        return self


class Fault(Model):
    """A lever, and how it is pulled. Which attributes count depends on the kind (see `ProxyFault`)."""

    lever: Name
    kind: str = Field(description="Of `ProxyFault` for a proxy, else a key of the lever's commands or settings.")
    share: Share = Field(1.0, description="Of the connections; drawn for each anew when it is made.")
    stream: Literal["downstream", "upstream"] = "downstream"
    milliseconds: int = Field(0, ge=0)
    milliseconds_of: str = Field(
        "", description="Dotted path of a limit on the health page, in seconds, of which they are `factor` times."
    )
    factor: float = Field(1.0, gt=0)
    lasts: float = Field(
        1.0, gt=0, le=1, description="The part of the experiment's hold time after which it is undone."
    )
    jitter_milliseconds: int = Field(0, ge=0)
    bytes: int = Field(0, ge=0)
    kilobytes_per_second: int = Field(0, ge=0)

    @property
    def text(self) -> str:
        """The fault in a few words: `paddle: latency of 1500 ms on 30 % of the connections`."""
        figures = [
            f"{self.milliseconds} ms" * bool(self.milliseconds),
            f"+- {self.jitter_milliseconds} ms" * bool(self.jitter_milliseconds),
            f"{self.bytes} bytes" * bool(self.bytes),
            f"{self.kilobytes_per_second} KB/s" * bool(self.kilobytes_per_second),
        ]
        size = " ".join(filter(None, figures))
        share = f" on {self.share:.0%} of the connections".replace("%", " %") if self.share < 1 else ""
        return f"{self.lever}: {self.kind.replace('_', ' ')}{' of ' * bool(size)}{size}{share}"


class Probe(Part):
    """A request that is sent again and again, at fixed times whatever the answers, to see what a caller sees."""

    says: str = Field(min_length=5)
    act: ActName
    values: Mapping[str, Any] = Field(default_factory=dict, description="What `{...}` in the act stands for.")
    each_replica: bool = Field(False, description="Sent to each replica by itself, where they can be addressed.")
    rate_per_second: Above0 = Field(5.0, description="Of each replica where it goes to each.")
    timeout_seconds: Above0 = 15.0
    code: str = Field("code", description="Dotted path of the error code in an answer.")
    answered_by: str = Field("provider", description="Dotted path of the provider's name in an answer.")


class Watch(Part):
    """A figure that Prometheus is asked for at each sample."""

    query: str = Field(min_length=1)
    unit: str = ""


class Metrics(Part):
    """Where the platform and its watchers say what is sampled; the contract has one line of it.

    Paths are dotted. Those of the receiver's page are within one entry of its list of notifications.
    """

    breaker_gauge: str = Field(min_length=1, description="0 closed, 1 half-open, 2 open.")
    breaker_label: str = Field("key", description="Whose breaker it is.")
    breaker_closed: float = 0
    counters: tuple[str, ...] = Field((), description="Samples that experiments look at, gauges too, all series.")
    providers_page: RouteName
    entries: str = Field("results", description="Path of the list of providers.")
    provider: str = Field("provider", description="Path of a provider's name in its entry.")
    entry_ready: str = Field("ready", description="Path of whether it is ready.")
    ready_page: RouteName
    ready: str = Field("ready", description="Path of whether the replica is ready.")
    checks: str = Field("checks", description="Path of what the replica depends on, by name, on the page of readiness.")
    check_status: str = Field("status", description="Path of the word for how a dependency is, in its entry.")
    check_well: tuple[str, ...] = Field(("up", "ok"), description="The words, in small letters, for one that is well.")
    health_page: RouteName = Field(description="The page that says the platform's own limits.")
    severities_ignored: tuple[str, ...] = Field((), description="Alerts of these keep nothing from being done.")
    notification_number: str = Field("number", description="What tells notifications apart, where the page says it.")
    notification_received: str = Field("at", description="When it came, in Unix seconds, likewise.")


class Stops(Part):
    """When an experiment is broken off; the contract has one line of it. Durations are real time.

    Requests that the platform limited or that were not sent count neither as failed nor as well.
    """

    ok_share_min: Share = Field(0.5, description="Of the requests of each control probe, over the window.")
    window_seconds: Above0 = 10.0
    requests_min: int = Field(10, ge=1, description="In the window; a share of fewer says nothing.")
    visible: tuple[Name, ...] = Field((), description="Probes that show what users get; the controls when left out.")
    failures_in_a_row_max: int = Field(15, ge=1, description="Of a visible probe, and of one replica's.")
    heartbeat_seconds_max: Above0 = Field(8.0, description="Without a word of the load.")
    start_seconds_max: Above0 = Field(60.0, description="Until its first word.")
    switch: str = Field("STOP", description="A file: while it is there all is stopped. Below `<output>/chaos`.")
    config_map: str = Field(
        "",
        pattern=r"^([a-z0-9.-]+/[a-z0-9.-]+)?$",
        description="NAMESPACE/NAME of a ConfigMap that does the same where a cluster is in scope; none when empty.",
    )
    lease: str = Field(
        "",
        pattern=r"^([a-z0-9.-]+/[a-z0-9.-]+)?$",
        description="NAMESPACE/NAME of a Lease that a run holds where a cluster is in scope; none when empty.",
    )
    deployment: str = Field(
        "",
        pattern=r"^([a-z0-9.-]+/[a-z0-9.-]+)?$",
        description="NAMESPACE/NAME of a Deployment whose pods must all be there where a cluster is in scope.",
    )
    config_map_key: str = Field("stop", description='The key in it that stops all while its value is "true".')


class Repeat(Model):
    """A file that is sent while the fault is there, and once more when all has recovered: what was kept of it shows."""

    name: Name
    during: ActName
    after: ActName
    values: Mapping[str, Any] = Field(default_factory=dict, description="What `{...}` in both acts stands for.")
    keeps: tuple[str, ...] = Field(description="What of the answers is kept in the record: names at their top level.")


class Experiment(Part):
    """One experiment: what is done, what is looked at meanwhile; what must come of it are promises that name it."""

    says: str = Field(min_length=10, description="What is done, as a sentence for plans and reports.")
    title: str = Field("", description="For a game day's narrative: what people would notice.")
    faults: tuple[Fault, ...] = Field(min_length=1, description="Made in this order, undone in the opposite one.")
    probe: Name = Field(description="The probe that goes through what is broken.")
    controls: tuple[Name, ...] = Field((), description="Probes that do not.")
    provider: str = Field("", description="The provider that is affected, by its label value; none for others.")
    hold_seconds: Above0 = Field(600, description="How long the fault stays, in production timings.")
    hold_seconds_min: Above0 = Field(10, description="And at least, whatever the time scale.")
    settle_seconds_max: Above0 = Field(1800, description="How long recovery is waited for, in production timings.")
    settle_seconds_min: Above0 = Field(40, description="And at least.")
    quiet_seconds: Above0 = Field(1.5, description="So long before the fault all is sampled without one.")
    load: str = Field("chaos", description="The profile of load.toml whose rate goes on meanwhile; none when empty.")
    reset: ActName | None = Field(
        None,
        description="An act that is sent when half of the time is over, such as a breaker's reset.",
    )
    reset_values: Mapping[str, Any] = Field(default_factory=dict, description="What `{...}` in it stands for.")
    repeats: tuple[Repeat, ...] = Field((), description="Sent when half of the time is over, and after recovery.")
    stops_watching: tuple[Literal["prometheus", "alertmanager", "receiver"], ...] = Field(
        (), description="The observers that the fault takes away: that they do not answer is no trouble then."
    )
    aborts: bool = Field(True, description="Whether the stop conditions on callers apply; a total outage has none.")

    def hold(self, time_scale: float) -> float:
        """Give for how many seconds the fault stays."""
        return max(self.hold_seconds_min, self.hold_seconds / time_scale)

    def settle(self, time_scale: float) -> float:
        """Give for how many seconds recovery is waited for."""
        return max(self.settle_seconds_min, self.settle_seconds_max / time_scale)


class SeverityLevel(Part):
    """A line of the manual's severity table: how soon a person reacts to an alert of that severity."""

    response_seconds: Above0 = Field(description="Real time; people know no time scale.")
    escalation: str = Field("", description="Whom it reaches, and how.")
    examples: str = Field("", description="What is of this severity, as a help for whoever chooses one.")


part(SEVERITIES, SeverityLevel)
part(LEVERS, Lever)
part(PROBES, Probe)
part(WATCHES, Watch)
part(METRICS, Metrics)
part(EXPERIMENTS, Experiment)
part(METRICS, Metrics)
part(STOPS, Stops)


_LEAKS = "errors.leaks"


def must_not_tell(contract: Contract) -> dict[str, str]:
    """Give, by name, the patterns of what no error may say, as the gate promises it."""
    return {
        name: pattern
        for kind, promise in contract.all_promises()
        if kind == _LEAKS
        # The model is beside its check, which nothing here may import.
        for name, pattern in getattr(promise, "patterns", {}).items()
    }


def levers(contract: Contract) -> Mapping[str, Lever]:
    """Give the levers of the contract by name; raises ContractError."""
    return contract.parts(LEVERS, Lever)


def probes(contract: Contract) -> Mapping[str, Probe]:
    """Give the probes of the contract by name; raises ContractError."""
    return contract.parts(PROBES, Probe)


def watches(contract: Contract) -> Mapping[str, Watch]:
    """Give the figures that Prometheus is asked for, by name; raises ContractError."""
    return contract.parts(WATCHES, Watch)


def no_limit(path: str) -> CouldNotObserve:
    """Give the error for a limit that the platform does not tell."""
    return CouldNotObserve(
        Trouble.UNEXPECTED_ANSWER,
        asked=f"{path} of the health page",
        came_back="is not there, and the fault's delay is a part of it",
        hint="give `milliseconds` in the contract's chaos.toml instead of `milliseconds_of`",
    )


def experiments(contract: Contract) -> Mapping[str, Experiment]:
    """Give the experiments of the contract by name; raises ContractError."""
    return contract.parts(EXPERIMENTS, Experiment)


def metrics(contract: Contract) -> Metrics:
    """Give where the platform says what is sampled; raises ContractError."""
    return _only(contract, METRICS, Metrics)


def stops(contract: Contract) -> Stops:
    """Give when an experiment is broken off; raises ContractError."""
    return _only(contract, STOPS, Stops)


T = TypeVar("T", bound=Part)


def _only(contract: Contract, name: str, model: type[T]) -> T:
    found = tuple(contract.parts(name, model).values())
    if len(found) != 1:
        area, _, table = name.partition(".")
        message = f"{contract.folder / area}.toml: needs one [[{table}]], and has {len(found)}"
        raise ContractError(message)
    return found[0]


def severities(contract: Contract) -> Mapping[str, SeverityLevel]:
    """Give the manual's severities by name, in the order of the file; raises ContractError."""
    return contract.parts(SEVERITIES, SeverityLevel)
