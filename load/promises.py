"""What is promised under load: a model for each kind of promise, shared by checks, judges and the observation.

A promise that needs the server's side says what Prometheus is to be asked (`asks`), so the observation knows no kind
of promise and the judges know no Prometheus. Times are seconds unless a name says otherwise; shares are 0 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from selfcheck.contract import Name, Part, Promise, Right, RouteName, part

SEARCHES = "load.search"
WINDOW_SECONDS = "window_seconds"
"""Key of `Record.limits` for the length of the window that rate limits count in; the other keys are paths."""
SERIES = "series"
"""Label of a `Course` that tells series of several queries of one promise apart."""

Share = Annotated[float, Field(ge=0, le=1)]
Above0 = Annotated[float, Field(gt=0)]
Unit = Literal["", "s", "bytes", "1/s"]
"""Of a figure, as it is shown after it; a ratio and a count have none."""


@dataclass(frozen=True, slots=True)
class Asks:
    """What Prometheus is to be asked for a promise; `{window}` in a query is the time from the start to now.

    `differences` are cumulative: asked at the start and at the end, `Measured.values` gets what was added meanwhile, by
    name; `buckets` likewise by `le`, for `Measured.buckets`. `before` names those differences whose growth in an
    equally long time before the run is wanted as well, as `before_<name>`. `instants` are asked at the end. `courses`
    are asked for over the run, where `{window}` is the time between two points of it and at least four scrapes; each
    series becomes a `Course`, whose label `SERIES` is the name here, if any. What could not be asked becomes the
    `trouble` of a `Measured`, also where only courses are asked for.
    """

    differences: Mapping[str, str] = field(default_factory=dict)
    buckets: str = ""
    before: tuple[str, ...] = ()
    instants: Mapping[str, str] = field(default_factory=dict)
    courses: Mapping[str, str] = field(default_factory=dict)


class Loaded(Promise):
    """Base of all promises of this area."""

    right: Right = Right.LOAD

    def asks(self) -> Asks:
        """Say what Prometheus is to be asked; nothing, for most."""
        return Asks()


class Generator(Loaded):
    """The generator keeps up, so that the figures are the platform's. Never FAILs; all else depends on it."""

    lag_p99_seconds_max: Above0 = Field(description="How late it may take up all but a hundredth of the arrivals.")
    late_share_max: Share = Field(description="Of the requests, those that start late (`record.LATE_SECONDS`).")
    cpu_share_mean_max: Above0 = Field(description="Of one core, for each worker.")
    clock_step_seconds_max: Above0 = Field(
        description="How far the wall clock may jump; more blocks what compares with the server's clock."
    )


class Latency(Loaded):
    """The latency of one operation, from when each request was due, at quantiles."""

    operation: Name
    limits: tuple[tuple[float, Above0], ...] = Field(min_length=1, description="(quantile, seconds), in order.")
    targets: tuple[tuple[float, Above0], ...] = Field((), description="Likewise; missing one is remarked.")

    @field_validator("limits", "targets")
    @classmethod
    def _ascend(cls, values: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        quantiles, seconds = [q for q, _ in values], [limit for _, limit in values]
        if any(not 0 < q < 1 for q in quantiles):
            message = "quantiles lie between 0 and 1"
            raise ValueError(message)
        if quantiles != sorted(set(quantiles)) or seconds != sorted(seconds):
            message = "a higher quantile comes later and has no lower limit"
            raise ValueError(message)
        return values


class Errors(Loaded):
    """The share of requests that fail, of one operation or of all together."""

    operation: Name | Literal[""] = ""
    share_max: Share
    share_target: Share = Field(description="Missing it is remarked.")


class ServerErrors(Loaded):
    """No request is answered with HTTP 5xx."""

    most: int = Field(0, ge=0)


class Throughput(Loaded):
    """What is asked for gets done: arrivals are answered at the rate at which they come, and none is turned away."""

    share_min: Share = Field(description="Of the arrivals that were due, those that were answered in time.")
    dropped_max: int = Field(0, ge=0, description="Arrivals not sent because too many requests were under way.")


class RateLimit(Loaded):
    """Clients are limited as the health page says: not before, and not never."""

    health: RouteName
    allowance: tuple[str, ...] = Field(
        min_length=1, description="Paths on the health page to numbers that add up to what a window allows a client."
    )
    costs: Mapping[Name, Annotated[int, Field(ge=1)]] = Field(
        min_length=1, description="The operations that it limits, and what one request counts."
    )
    slack_seconds: float = Field(ge=0, description="Requests are counted up to so long after they were due.")
    excess_share_max: float = Field(ge=0, description="How much more than allowed may be served: edges of windows.")


class Fairness(Loaded):
    """Two clients that ask for the same are served alike."""

    share_difference_max: Share = Field(description="Between their shares of errors, and of limited requests.")
    latency_factor_max: Annotated[float, Field(gt=1)] = Field(description="Between their median latencies.")
    latency_seconds_min: Above0 = Field(description="Smaller differences are none.")
    requests_min: int = Field(ge=1, description="Of each client, for a comparison of latencies.")


class ServerView(Loaded):
    """The server's own figures agree with what its clients saw."""

    operations: tuple[Name, ...] = Field(min_length=1, description="Whose requests the metric sees.")
    maybe: tuple[Name, ...] = Field(
        (), description="Operations of which it sees some: those that a cache does not answer."
    )
    count: str = Field("", description="PromQL of how many requests were counted so far, all replicas together.")
    count_share_max: Share = Field(0.02, description="By how much counts may differ: scrapes are not simultaneous.")
    count_min: int = Field(3, ge=0, description="Smaller differences are none.")
    other_new_max: Share = Field(
        0.5, description="More than this, of the requests of the run, is no other traffic where there was none before."
    )
    buckets: str = Field("", description="PromQL of the duration's cumulative buckets by `le`, likewise.")
    quantiles: tuple[float, ...] = (0.5, 0.95)
    requests_min: int = Field(10, ge=1, description="For a comparison of quantiles.")
    gap_factor_max: float = Field(3.0, ge=1, description="How many times the server's time a client's may be, ...")
    gap_seconds_max: float = Field(0.05, gt=0, description="... and how much longer than that.")
    other_share_max: Share = Field(0.1, description="Of what the server counted; more is a comparison with others.")
    restarts: str = Field("", description="PromQL of how often a replica started in `{window}`; counters began anew.")

    @model_validator(mode="after")
    def _asks_something(self) -> ServerView:
        if not (self.count or self.buckets):
            message = "give `count`, `buckets` or both"
            raise ValueError(message)
        return self

    def asks(self) -> Asks:
        """Ask for counts, buckets, restarts, and how much was counted before the run."""
        return Asks(
            differences={"count": self.count} if self.count else {},
            buckets=self.buckets,
            before=("count",) if self.count else (),
            instants={"restarts": self.restarts} if self.restarts else {},
        )


class Ceiling(Loaded):
    """A figure of the server stays at or below a value during the run: breakers closed, nobody restarted."""

    query: str = Field(description="`{window}` is the time of the run.")
    most: float
    unit: Unit = ""

    def asks(self) -> Asks:
        """Ask for the figure at the end."""
        return Asks(instants={"value": self.query})


class Saturation(Loaded):
    """How full something is under load: shown beside the other figures, and never a FAIL."""

    query: str
    unit: Unit = ""
    saturated_from: Above0 = Field(description="From here on it is remarked that this is what limits.")

    def asks(self) -> Asks:
        """Ask for its course."""
        return Asks(courses={"": self.query})


class Trend(Loaded):
    """Base: a figure does not go on changing. It FAILs when the trend is certain and leads too far."""

    horizon_hours: Above0 = Field(description="How far ahead the trend is followed.")
    change_share_max: Above0 = Field(description="Of the value at the start: how much it may change until then.")
    change_min: Above0 = Field(description="Smaller changes until then are none, in the unit of the figure.")
    points_min: int = Field(ge=8, description="Points in time that a trend needs; with fewer nothing is said.")


class Growth(Trend):
    """A figure of each replica does not grow (or, where `falls` is set, not fall) from hour to hour."""

    query: str
    unit: Unit = ""
    falls: bool = Field(False, description="The promise is that it does not fall: a hit ratio.")

    def asks(self) -> Asks:
        """Ask for its course."""
        return Asks(courses={"": self.query})


class Drift(Trend):
    """The latency of no operation grows from hour to hour; `change_min` is in seconds."""

    operations: tuple[Name, ...] = Field((), description="Which; all that are in the run when left out.")
    quantile: Annotated[float, Field(gt=0, lt=1)] = 0.5


class Regression(Loaded):
    """The platform is not slower than in the stored run."""

    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(min_length=1)
    shift_share_min: Above0 = Field(description="Of the stored figure: a smaller shift is of no interest.")
    shift_seconds_min: Above0 = Field(description="Likewise, in seconds.")
    block_requests_min: int = Field(ge=2, description="Blocks are joined until each has so many answers.")
    blocks_min: int = Field(ge=5, description="Joined blocks that a comparison needs, in each run.")


class Autoscaling(Loaded):
    """The cluster wants more replicas when their processors are busier than the autoscaler's target."""

    replicas: str = Field(description="PromQL of how many replicas are wanted.")
    pressure: str = Field(description="PromQL of the use of processors over its target; above 1 asks for more.")
    reaction_seconds: Above0 = Field(description="How long the pressure must last, and the answer may take.")

    def asks(self) -> Asks:
        """Ask for both courses."""
        return Asks(courses={"replicas": self.replicas, "pressure": self.pressure})


class Search(Part):
    """How the capacity is searched, and what it is compared with."""

    says: str = Field(min_length=10)
    profile: Name = Field(description="The profile whose mix and bounds each run has; its shape becomes constant.")
    step_seconds: Above0 = Field(description="How long each run goes on, warm-up included.")
    rate_start: Above0
    factor: Annotated[float, Field(gt=1)] = Field(description="Between the rates of the climb.")
    precision: Annotated[float, Field(gt=0, lt=1)] = Field(
        description="The search ends when the bounds are this close: their distance as a share of the upper one."
    )
    confirmations: int = Field(ge=1, description="Further runs at the rate that was found; all must hold.")
    confidence: Annotated[float, Field(gt=0, lt=1)] = Field(description="Of what the confirmations say.")
    runs_max: int = Field(ge=3)
    decisive: tuple[str, ...] = Field(
        min_length=1, description="The promises that a rate must hold: ids, in which `*` stands for anything."
    )
    peak: str = Field("", description="PromQL of today's highest rate, in requests a second.")
    peak_window: str = Field("", description="What `peak` looks back on, for the report.")
    replicas: str = Field("", description="PromQL of how many replicas serve.")
    growth: Above0 = Field(1.0, description="The forecast, as a multiple of the peak.")
    reserve: Annotated[float, Field(ge=0, lt=1)] = Field(0.0, description="Share of the capacity to keep free.")


part(SEARCHES, Search)
