"""What a load test may do and will do: operations and profiles of the contract, consent, and the plan for one run.

A plan is complete: whoever has it, the contract and the credentials can generate the load, in one process or in many.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from load.arrivals import Spacing
from load.shapes import Points, Replay, Shape
from selfcheck.contract import ActName, Contract, Model, Part, Right, part
from selfcheck.observation import RefusedError

if TYPE_CHECKING:
    from pathlib import Path

    from selfcheck.settings import Scope

OPERATIONS = "load.operation"
PROFILES = "load.profile"
CLIENT_OWN = "own"
CLIENT_OTHER = "other"
LATENCY_MAX_SECONDS = 600.0
"""What histograms reach to; whatever takes longer counts as this long."""


class Operation(Part):
    """One thing that users do, and how often: a synthetic request of the contract with a weight in the mix."""

    says: str = Field(min_length=5, description="What it is, for reports.")
    act: ActName
    weight: float = Field(gt=0, description="Its share of all requests, relative to the other weights.")
    think_seconds: float = Field(1.0, ge=0, description="Pause of a closed user after it; arrivals know no pause.")
    values: Mapping[str, Any] = Field(default_factory=dict, description="What `{...}` in the act stands for.")
    rate_limited: bool = Field(False, description="The platform limits it for each client; 429 is an answer then.")


class Profile(Part):
    """One way to load the platform, by name: `make load PROFILE=steady`."""

    says: str = Field(min_length=10)
    shape: Shape
    spacing: Spacing = Spacing.POISSON
    operations: tuple[str, ...] = Field((), description="Which of the operations; all when left out.")
    quantiles: tuple[float, ...] = Field(
        min_length=1, description="The latency quantiles that the profile has enough requests to judge."
    )
    warm_up_seconds: float = Field(ge=0, description="Arrivals until then are sent and not judged.")
    request_timeout_seconds: float = Field(gt=0, le=LATENCY_MAX_SECONDS)
    drain_seconds: float = Field(gt=0, description="How long after the last arrival answers are waited for.")
    in_flight_max: int = Field(ge=1, description="Requests under way at once, all workers together; more are dropped.")
    block_seconds: float = Field(1.0, gt=0, description="Figures over time are kept in blocks of this length.")
    grows: bool = Field(False, description="Long enough to judge growth: memory, handles, latency, cache.")

    @field_validator("quantiles")
    @classmethod
    def _are_quantiles(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0 < value < 1 for value in values):
            message = "quantiles lie between 0 and 1"
            raise ValueError(message)
        return values


part(OPERATIONS, Operation)
part(PROFILES, Profile)


class Refused(RefusedError):  # noqa: N818 - reads as what happened
    """A load test may not be started here; the text says what is missing and who can give it."""


class Plan(Model):
    """One run, worked out: everything that the processes of the generator need besides contract and credentials."""

    profile: Profile
    line: Points
    seed: int = Field(ge=0)
    workers: int = Field(ge=1)
    operations: tuple[Operation, ...] = Field(min_length=1)
    clients: tuple[str, ...] = Field(min_length=1)
    base_url: str
    run_id: str
    candidates: Mapping[str, str] = Field(
        default_factory=dict, description="Ids of the vectors that comparisons are made with, by client."
    )
    vector: tuple[float, ...] = ()
    left_out: Mapping[str, str] = Field(
        default_factory=dict, description="Operations of the profile that cannot be asked for here, and why."
    )

    @property
    def mix(self) -> tuple[tuple[str, float], ...]:
        """The operations with their weights."""
        return tuple((operation.name, operation.weight) for operation in self.operations)


def operations(contract: Contract) -> Mapping[str, Operation]:
    """Give the operations of the contract by name; raises ContractError."""
    return contract.parts(OPERATIONS, Operation)


def profiles(contract: Contract) -> Mapping[str, Profile]:
    """Give the profiles of the contract by name; raises ContractError."""
    return contract.parts(PROFILES, Profile)


def line_of(profile: Profile, *, recorded: Points | None, seconds: float | None, rate_factor: float) -> Points:
    """Give the line of a profile's shape, stretched to so many seconds, its rates multiplied.

    `recorded` is what a replay plays.
    """
    shape = recorded if isinstance(profile.shape, Replay) else profile.shape
    if shape is None:
        message = f"the profile {profile.name} replays what Prometheus recorded, and nothing was recorded"
        raise Refused(message)
    return shape.scaled(rate=rate_factor, seconds=seconds / shape.seconds if seconds else 1.0)


def refuse_without_consent(scope: Scope, line: Points) -> None:
    """Raise Refused unless the environment allows load at this rate."""
    environment = scope.environment
    place = f"environments.{scope.name} in the contract's platform.toml"
    if scope.name == "ad-hoc":
        place = "an environment in the contract's platform.toml, and name it with SELF_CHECK_ENVIRONMENT"
    if Right.LOAD not in environment.allow:
        message = (
            f"{scope.base_url} is in the environment {scope.name}, which does not allow load; no load was sent."
            f' Whoever answers for it adds "load" to `allow` and sets `load_rate_max` of {place}'
        )
        raise Refused(message)
    if environment.load_rate_max is None:
        message = (
            f"the environment {scope.name} has no ceiling for load; no load was sent."
            f" Set `load_rate_max` (requests a second) of {place}"
        )
        raise Refused(message)
    if line.rate_max > environment.load_rate_max:
        message = (
            f"the profile reaches {line.rate_max:g} requests a second, and the environment {scope.name} takes"
            f" {environment.load_rate_max:g} at most (`load_rate_max`); no load was sent."
            " Choose another profile or set SELF_CHECK_LOAD_RATE_FACTOR below 1"
        )
        raise Refused(message)


def write(plan: Plan, path: Path) -> None:
    """Write a plan for the processes of the generator; it holds no secret."""
    path.write_text(plan.model_dump_json(), encoding="utf-8")


def read(path: Path) -> Plan:
    """Read what `write` wrote."""
    return Plan.model_validate_json(path.read_text(encoding="utf-8"))
