"""What the platform promises under load: one run of a profile, judged promise by promise.

The first check that asks for the record starts the run; all others judge the same record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from load import judging, judging_server, judging_trends, promises
from load.evidence import Evidence, judge_generator
from load.hooks import finish, guard, seconds_needed
from load.observing import baseline, observed
from load.plan import operations, profiles
from selfcheck.checking import check

if TYPE_CHECKING:
    from selfcheck.target import Target
    from selfcheck.verdict import Verdict

__all__ = ["finish", "guard", "seconds_needed"]
"""The hooks that the gate's plugin calls around the checks."""

GENERATOR = "load.generator"


def evidence(target: Target) -> Evidence:
    """Give the record of the run with what the contract says about it; raises CouldNotObserve."""
    record = observed(target)
    return Evidence(
        record=record,
        profile=profiles(target.contract)[record.profile],
        operations=operations(target.contract),
        generators=target.contract.promises(GENERATOR, promises.Generator),
    )


@check(GENERATOR, promises.Generator)
def test_generator(promise: promises.Generator, target: Target) -> Verdict:
    """The figures of the run are the platform's, not the generator's."""
    return judge_generator(evidence(target), promise)


@check("load.latency", promises.Latency)
def test_latency(promise: promises.Latency, target: Target) -> Verdict:
    """An operation is fast enough at every quantile that the run can tell."""
    return judging.judge_latency(evidence(target), promise)


@check("load.errors", promises.Errors)
def test_errors(promise: promises.Errors, target: Target) -> Verdict:
    """Few enough requests fail."""
    return judging.judge_errors(evidence(target), promise)


@check("load.server_errors", promises.ServerErrors)
def test_server_errors(promise: promises.ServerErrors, target: Target) -> Verdict:
    """No answer is HTTP 5xx."""
    return judging.judge_server_errors(evidence(target), promise)


@check("load.throughput", promises.Throughput)
def test_throughput(promise: promises.Throughput, target: Target) -> Verdict:
    """What is asked for gets done."""
    return judging.judge_throughput(evidence(target), promise)


@check("load.rate_limit", promises.RateLimit)
def test_rate_limit(promise: promises.RateLimit, target: Target) -> Verdict:
    """Clients are limited as the health page says."""
    return judging.judge_rate_limit(evidence(target), promise)


@check("load.fairness", promises.Fairness)
def test_fairness(promise: promises.Fairness, target: Target) -> Verdict:
    """Two clients are served alike."""
    return judging.judge_fairness(evidence(target), promise)


@check("load.server_view", promises.ServerView)
def test_server_view(promise: promises.ServerView, target: Target) -> Verdict:
    """The server's figures agree with the client's."""
    return judging_server.judge_server_view(evidence(target), promise)


@check("load.ceiling", promises.Ceiling)
def test_ceiling(promise: promises.Ceiling, target: Target) -> Verdict:
    """A figure of the server stays where it should."""
    return judging_server.judge_ceiling(evidence(target), promise)


@check("load.saturation", promises.Saturation)
def test_saturation(promise: promises.Saturation, target: Target) -> Verdict:
    """How full something is gets shown."""
    return judging_server.judge_saturation(evidence(target), promise)


@check("load.growth", promises.Growth)
def test_growth(promise: promises.Growth, target: Target) -> Verdict:
    """A figure of each replica does not go on changing."""
    return judging_trends.judge_growth(evidence(target), promise)


@check("load.drift", promises.Drift)
def test_drift(promise: promises.Drift, target: Target) -> Verdict:
    """The latency does not go on growing."""
    return judging_trends.judge_drift(evidence(target), promise)


@check("load.regression", promises.Regression)
def test_regression(promise: promises.Regression, target: Target) -> Verdict:
    """The platform is not slower than in the stored run."""
    return judging_trends.judge_regression(evidence(target), promise, baseline(target))


@check("load.autoscaling", promises.Autoscaling)
def test_autoscaling(promise: promises.Autoscaling, target: Target) -> Verdict:
    """The cluster answers pressure with more replicas."""
    return judging_server.judge_autoscaling(evidence(target), promise)
