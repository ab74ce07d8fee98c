"""Service levels: no threshold is breached, no target missed, and there was enough traffic to say so."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from checks.test_prometheus import Traffic, traffic_of
from selfcheck.checking import check
from selfcheck.contract import Model
from selfcheck.families import Quantity
from selfcheck.knowledge import loaded_rules, made_of
from selfcheck.verdict import Outcome, Verdict, failed, inconclusive, passed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from selfcheck.clients.prometheus import QueryResult, Sample
    from selfcheck.target import Target

_UNITS = {"ratio": "", "score": " points", "seconds": " s", "per second": "/s"}


class Bound(Model):
    """A limit on one side."""

    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _one_side(self) -> Bound:
        if (self.above is None) == (self.below is None):
            message = "give either `above` or `below`"
            raise ValueError(message)
        return self

    def holds(self, value: float) -> bool:
        """Tell whether a value is on the named side."""
        return value > self.above if self.above is not None else value < (self.below or 0.0)

    def __str__(self) -> str:
        return f"above {self.above:g}" if self.above is not None else f"below {self.below:g}"


class Objective(Quantity):
    """A service level: a breach fails, a missed target warns."""

    query: str = Field(description="`{window}` is the environment's `triage_window_seconds`.")
    unit: str = Field(pattern="^(" + "|".join(_UNITS) + ")$")
    breach: Bound
    target: Bound | None = None
    refused: str = Field(
        "", description="How far refused requests within `{window}` move the value, where rules take them for failures."
    )
    own_share_min: float = Field(
        0.5, gt=0, le=1, description="From this share of the traffic on, the run may have brought about what it sees."
    )
    traffic: Traffic


@dataclass(frozen=True, slots=True)
class Own:
    """What the run itself may have done to a value: its share of the traffic, and how far refused requests move it."""

    share: float = 0.0
    moves_by: float = 0.0


def judge_objective(promise: Objective, result: QueryResult, traffic: float, *, where: str, reproduce: str) -> Verdict:
    """Every series is on the right side of the threshold; there is data, and enough traffic behind it."""
    place = {"where": where, "reproduce": reproduce}
    expected = f"{promise.query} not {promise.breach}{_UNITS[promise.unit]}"
    # NaN is what a ratio gives when nothing happened; an infinity is a value, and may be a breach.
    values = [sample for sample in result.samples if not math.isnan(sample.value)]
    if result.warnings:
        return inconclusive(expected, f"Prometheus warns: {result.warnings[0]}", **place)
    if not values:
        given = f"only {result.samples[0].value:g}" if result.samples else "no data"
        return inconclusive(expected, f"{given}; {traffic:.0f} requests lately", **place)
    if traffic < promise.traffic.minimum:
        observed = (
            f"too little traffic to judge: {traffic:.0f} requests lately, at least {promise.traffic.minimum:g} needed"
        )
        return inconclusive(expected, observed, **place)
    breached = [sample for sample in values if promise.breach.holds(sample.value)]
    if breached:
        return failed(expected, _shown(promise, breached), **place)
    verdict = passed(_shown(promise, values), where=where)
    missed = [sample for sample in values if promise.target is not None and not promise.target.holds(sample.value)]
    if missed:
        return verdict.with_notes(f"target missed: {_shown(promise, missed)}, the aim is {promise.target}")
    return verdict


def judge_own(promise: Objective, breach: Verdict, result: QueryResult, own: Own) -> Verdict:
    """A breach that is none without the refused requests says nothing of the platform, where most are the run's own."""
    better = -own.moves_by if promise.breach.above is not None else own.moves_by
    left = any(promise.breach.holds(sample.value + better) for sample in result.samples)
    if left or own.share < promise.own_share_min:
        return breach
    observed = f"{breach.observed}, most of it by requests of this run that were to be refused"
    return inconclusive(breach.expected, observed, where=breach.where, reproduce=breach.reproduce)


def _shown(promise: Objective, samples: Sequence[Sample]) -> str:
    def one(sample: Sample) -> str:
        labels = {name: value for name, value in sample.labels.items() if name != "__name__"}
        inner = ", ".join(f'{name}="{value}"' for name, value in labels.items())
        return f"{sample.value:.4g}{_UNITS[promise.unit]}{f' for {inner}' if inner else ''}"

    return ", ".join(one(sample) for sample in samples[:5])


@check("slo.objective", Objective)
def test_objective(promise: Objective, target: Target) -> Verdict:
    """The service level is kept."""
    seconds = promise.traffic.window_seconds
    if "{window}" in promise.query:
        seconds = target.scope.environment.triage_window_seconds
        promise = promise.model_copy(update={"query": promise.query.replace("{window}", f"{seconds:.0f}s")})
    url = f"{target.prometheus_client().url}/api/v1/query"
    result = target.query(promise.query)
    traffic = traffic_of(target, promise.traffic, seconds)
    verdict = judge_objective(
        promise,
        result,
        traffic,
        where=f"GET {url}?query={promise.query}",
        reproduce=f"curl -sSG '{url}' --data-urlencode 'query={promise.query}'",
    )
    if verdict.outcome is Outcome.FAIL and promise.refused:
        return judge_own(promise, verdict, result, _own(target, promise, traffic, seconds))
    return verdict


def _own(target: Target, promise: Objective, traffic: float, seconds: float) -> Own:
    """Ask how far refused requests may move a value, over as long a time as its rules look back."""
    made = made_of(target.once("loaded rules", lambda: loaded_rules(target)), promise.query)
    window = max(made.windows_seconds, default=seconds) if made is not None else seconds
    samples = target.query(promise.refused.replace("{window}", f"{math.ceil(window)}s")).samples
    sent = sum(each.files for each in target.platform.sent if each.at_seconds > time.time() - seconds)
    moves_by = samples[0].value if samples and math.isfinite(samples[0].value) else 0.0
    return Own(sent / traffic if traffic else 0.0, moves_by)
