"""Load: what a healthy run passes, what breaks each promise, and what nobody could tell from the figures."""

from __future__ import annotations

import fnmatch
import itertools
import math
import random
from typing import TYPE_CHECKING, Any

import promql_parser
import pytest
from pydantic import ValidationError

from load import judging, judging_server, judging_trends, promises
from load import test_load as live
from load.evidence import judge_generator
from load.plan import operations, profiles
from load.record import Block, Fate
from selfcheck.contract import Component, kinds, load
from selfcheck.verdict import Outcome, Verdict
from tests.unit.making import promise
from tests.unit.recording import (
    GENERATOR,
    LINE,
    blocks,
    courses,
    evidence,
    histogram,
    measured,
    record,
    tally,
    worker,
)

if TYPE_CHECKING:
    from load.evidence import Evidence

PASS, FAIL, INCONCLUSIVE, NOT_COVERED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_COVERED

LATENCY = promise(promises.Latency, operation="ocr", limits=[[0.5, 0.5], [0.95, 1], [0.99, 2], [0.999, 5]])
ERRORS = promise(promises.Errors, operation="", share_max=0.05, share_target=0.01)
THROUGHPUT = promise(promises.Throughput, share_min=0.98)
SERVER_ERRORS = promise(promises.ServerErrors)
CEILING = promise(promises.Ceiling, query="max(state)", most=0)
SATURATION = promise(promises.Saturation, query="cpu", saturated_from=0.9)
LIMIT = promise(
    promises.RateLimit,
    health="health",
    allowance=["per_minute", "burst"],
    costs={"classify": 1, "classify_batch": 2},
    slack_seconds=0.5,
    excess_share_max=0.05,
)
LIMITS = {"per_minute": 24.0, "burst": 6.0, "window_seconds": 3.0}
FAIRNESS = promise(
    promises.Fairness, share_difference_max=0.05, latency_factor_max=1.5, latency_seconds_min=0.05, requests_min=10
)
VIEW = promise(promises.ServerView, operations=["ocr"], count="counted", buckets="timed", restarts="restarted")
GROWTH = promise(
    promises.Growth,
    query="memory",
    unit="bytes",
    horizon_hours=24,
    change_share_max=0.5,
    change_min=1e6,
    points_min=20,
)
DRIFT = promise(promises.Drift, horizon_hours=24, change_share_max=0.5, change_min=0.1, points_min=10)
REGRESSION = promise(
    promises.Regression,
    quantiles=[0.5, 0.95],
    shift_share_min=0.2,
    shift_seconds_min=0.02,
    block_requests_min=5,
    blocks_min=8,
)
AUTOSCALING = promise(promises.Autoscaling, replicas="wanted", pressure="pressed", reaction_seconds=30)


def says(verdict: Verdict) -> str:
    return f"{verdict.observed} | {' | '.join(verdict.notes)}"


# ------------------------------------------------------------------------------------------------------------ generator


@pytest.mark.parametrize(
    ("fields", "outcome", "said"),
    [
        ({}, PASS, "1 worker, lag p99 1.00 ms"),
        ({"workers": [worker(reported=False)]}, INCONCLUSIVE, "worker 0 (pid 1) was lost"),
        ({"workers": []}, INCONCLUSIVE, "no worker reported"),
        ({"workers": [worker(arrivals=190)]}, INCONCLUSIVE, "the workers had 190 arrivals, the plan has 200"),
        ({"workers": [worker(arrivals=100), worker(index=1, arrivals=100)]}, PASS, "2 workers"),
        ({"workers": [worker(lag=[0.001] * 180 + [0.5] * 20)]}, INCONCLUSIVE, "20 of 200 arrivals were taken up more"),
        # One stall of a fraction of a second on a small machine is no starvation.
        ({"workers": [worker(lag=[0.001] * 196 + [0.2] * 4)]}, PASS, "lag p99"),
        ({"workers": [worker(lag=[0.001] * 4900 + [0.2] * 100)]}, INCONCLUSIVE, "p99 20"),
        ({"workers": [worker(cpu_share_mean=0.97)]}, INCONCLUSIVE, "97 % of a core"),
        ({"workers": [worker(clock_step_seconds=-3)]}, INCONCLUSIVE, "jumped by 3.00 s"),
        (
            {"interrupted": True, "ended_by": "SIGINT", "elapsed_seconds": 5},
            INCONCLUSIVE,
            "interrupted after 5 s of 20",
        ),
    ],
)
def test_generator(fields: dict[str, Any], outcome: Outcome, said: str) -> None:
    found = judge_generator(evidence(tally(ok=180), **fields), promise(promises.Generator, **GENERATOR))
    assert (found.outcome, said in says(found)) == (outcome, True), found


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (tally(ok=150, local=30, examples={Fate.LOCAL: "too many open files"}), "30 requests did not leave"),
        (tally(ok=180, late=40), "40 of 180 requests started"),
        (tally(ok=[1e-6] * 180, sent=[0.3] * 180), "the clock of this machine ran wrong: p50 is 1"),
        (tally(), "no request was made"),
    ],
)
def test_a_generator_that_did_not_get_its_requests_out_is_no_fault_of_the_platform(made: Any, said: str) -> None:
    found = judge_generator(evidence(made), promise(promises.Generator, **GENERATOR))
    assert (found.outcome, said in found.observed) == (INCONCLUSIVE, True), found


def every_judge(made: Evidence) -> dict[str, Verdict]:
    return {
        "latency": judging.judge_latency(made, LATENCY),
        "errors": judging.judge_errors(made, ERRORS),
        "server_errors": judging.judge_server_errors(made, SERVER_ERRORS),
        "throughput": judging.judge_throughput(made, THROUGHPUT),
        "rate_limit": judging.judge_rate_limit(made, LIMIT),
        "fairness": judging.judge_fairness(made, FAIRNESS),
        "drift": judging_trends.judge_drift(made, DRIFT),
        "regression": judging_trends.judge_regression(made, REGRESSION, made.record),
        "server_view": judging_server.judge_server_view(made, VIEW),
        "ceiling": judging_server.judge_ceiling(made, CEILING),
        "saturation": judging_server.judge_saturation(made, SATURATION),
        "growth": judging_trends.judge_growth(made, GROWTH),
        "autoscaling": judging_server.judge_autoscaling(made, AUTOSCALING),
    }


CLOCK = {"server_view", "ceiling", "saturation", "growth", "autoscaling"}
BROKEN = tally("ocr", "own", ok=[9.0] * 50, server_error=50), tally("ocr", "other", ok=80)


def test_nothing_is_said_about_the_platform_when_the_generator_did_not_keep_up() -> None:
    made = evidence(*BROKEN, profile={"grows": True}, workers=[worker(reported=False)])
    for name, verdict in every_judge(made).items():
        assert (verdict.outcome, verdict.blocked_by) == (INCONCLUSIVE, "load.generator"), (name, verdict)


def test_a_step_of_the_clock_blocks_what_compares_with_the_servers_clock_alone() -> None:
    made = evidence(*BROKEN, profile={"grows": True}, workers=[worker(clock_step_seconds=3)])
    blocked = {name for name, verdict in every_judge(made).items() if verdict.blocked_by == "load.generator"}
    assert blocked == CLOCK


@pytest.mark.parametrize("fields", [{}, {"interrupted": True, "ended_by": "SIGINT", "elapsed_seconds": 1}], ids=str)
def test_zero_requests_are_never_green(fields: dict[str, Any]) -> None:
    made = evidence(tally(), tally("ocr", "other"), profile={"grows": True}, **fields)
    assert {verdict.outcome for verdict in every_judge(made).values()} == {INCONCLUSIVE}


def test_a_contract_that_does_not_say_when_a_generator_keeps_up_lets_nothing_be_said() -> None:
    made = evidence(*BROKEN)
    made = type(made)(made.record, made.profile, made.operations, ())
    assert judging.judge_errors(made, ERRORS).outcome is INCONCLUSIVE


# -------------------------------------------------------------------------------------------------------------- latency

SLOW = [0.1] * 170


@pytest.mark.parametrize(
    ("made", "quantiles", "outcome", "said"),
    [
        # healthy
        (tally(ok=1000), (0.5, 0.95, 0.99), PASS, "p50 100 ms, p95 100 ms, p99 100 ms, longest 100 ms of 1,000"),
        # measured, and above the limit
        (tally(ok=[0.6] * 30), (0.5,), FAIL, "p50 is 600 ms: 30 of 30 requests took longer than 500 ms"),
        (tally(ok=[0.1] * 189 + [1.5] * 11), (0.95,), FAIL, "p95 is 1.50 s: 11 of 200"),
        (tally(ok=[0.1] * 190 + [1.5] * 10), (0.95,), PASS, "p95"),
        (tally(ok=[0.1] * 9989 + [6.0] * 11), (0.999,), FAIL, "p99.9 is 6.00 s"),
        # broken at one quantile only
        (tally(ok=[0.1] * 985 + [3.0] * 15), (0.5, 0.95, 0.99), FAIL, "p99 is 3.00 s"),
        # watched: too few requests, or not named
        (tally(ok=[0.1] * 40), (0.5, 0.95), PASS, "p95 needs 200, p99 needs 1,000"),
        (tally(ok=[0.1] * 38 + [1.5] * 2), (0.5, 0.95), PASS, "watched for gross breaches"),
        (tally(ok=[0.1] * 32 + [1.5] * 8), (0.5, 0.95), INCONCLUSIVE, "p95: 8 of 40"),
        (tally(ok=[0.1] * 30 + [1.5] * 10), (0.5, 0.95), FAIL, "p95: 10 of 40 requests took longer than 1.00 s"),
        (tally(ok=[0.1] * 970 + [3.0] * 30), (0.5,), FAIL, "p99: 30 of 1,000"),
        (tally(ok=[0.1] * 985 + [3.0] * 15), (0.5,), PASS, "p99 needs 1,000"),
        # too few for anything: not what this profile covers
        (tally(ok=1), (0.5, 0.95), NOT_COVERED, "had 1 request of ocr, too few to tell"),
        (tally("compare", ok=100), (0.5,), NOT_COVERED, "ocr is not in the mix"),
        (tally(ok=3), (0.5, 0.95), PASS, "longest 100 ms of 3 requests"),
        # nobody answered: longer than any limit
        (tally(ok=180, timeout=20), (0.95,), FAIL, "20 of them without an answer"),
        (tally(ok=180, connection=20), (0.95,), FAIL, "20 of 200"),
        (tally(ok=180, unfinished=20), (0.95,), FAIL, "20 of 200"),
        (tally(ok=180, dropped=20), (0.95,), FAIL, "20 of 200"),
        (tally(timeout=30), (0.5,), FAIL, "30 of 30"),
        # fast errors are no achievement: too few answers are left for what was planned
        (tally(ok=150, server_error=100), (0.5, 0.95), INCONCLUSIVE, "p95 needs 200 requests; 150 of 250"),
        (tally(server_error=100), (0.5,), INCONCLUSIVE, "0 of 100 were answered as promised (100 server error)"),
        # the generator's own delay is not the platform's
        (tally(ok=[0.9] * 30, sent=[0.1] * 30), (0.5,), INCONCLUSIVE, "from when they were sent, 0 did"),
    ],
)
def test_latency(made: Any, quantiles: tuple[float, ...], outcome: Outcome, said: str) -> None:
    found = judging.judge_latency(evidence(made, quantiles=quantiles), LATENCY)
    assert (found.outcome, said in says(found)) == (outcome, True), found


def test_limited_requests_are_not_missed() -> None:
    made = promise(promises.Latency, operation="classify", limits=[[0.5, 0.5]])
    found = judging.judge_latency(evidence(tally("classify", ok=15, limited=85), quantiles=(0.5,)), made)
    assert (found.outcome, "15 requests" in says(found)) == (PASS, True), found


def test_both_clients_count_together() -> None:
    made = evidence(tally(ok=[0.6] * 12), tally("ocr", "other", ok=[0.6] * 12), quantiles=(0.5,))
    assert "24 of 24" in judging.judge_latency(made, LATENCY).observed


def test_a_missed_target_is_remarked() -> None:
    made = promise(promises.Latency, operation="ocr", limits=[[0.5, 0.5]], targets=[[0.5, 0.05]])
    found = judging.judge_latency(evidence(tally(ok=30)), made)
    assert (found.outcome, "target missed: p50 is 100 ms, the aim is 50.0 ms" in found.notes) == (PASS, True)


@pytest.mark.parametrize(
    "limits", [[], [[0, 1]], [[1, 1]], [[0.95, 1], [0.5, 0.5]], [[0.5, 2], [0.95, 1]], [[0.5, 1], [0.5, 2]]], ids=str
)
def test_limits_rise_with_their_quantiles(limits: list[list[float]]) -> None:
    with pytest.raises(ValidationError):
        promise(promises.Latency, operation="ocr", limits=limits)


INTERRUPTED: dict[str, Any] = {"interrupted": True, "ended_by": "SIGINT", "elapsed_seconds": 9.0}


@pytest.mark.parametrize(
    ("made", "outcome", "said"),
    [
        (tally(ok=80), INCONCLUSIVE, "kept until the run was interrupted after 9 s of 20 s (SIGINT)"),
        # What was under way when the run was cut short is nobody's failure.
        (tally(ok=80, unfinished=70), INCONCLUSIVE, "kept until"),
        (tally(ok=[0.1] * 20 + [9.0] * 60), FAIL, "60 of 80"),
        (tally(ok=1), INCONCLUSIVE, "only 1 request until the run was interrupted"),
    ],
)
def test_latency_of_an_interrupted_run(made: Any, outcome: Outcome, said: str) -> None:
    found = judging.judge_latency(evidence(made, **INTERRUPTED), LATENCY)
    assert (found.outcome, said in says(found)) == (outcome, True), found


# --------------------------------------------------------------------------------------------------- errors, throughput


@pytest.mark.parametrize(
    ("made", "outcome", "said"),
    [
        (tally(ok=400), PASS, "0 of 400 requests failed"),
        (tally(ok=396, wrong=4), PASS, "4 of 400 requests failed (1 %): 4 wrong"),
        (tally(ok=390, wrong=10), PASS, "target missed: 2.5 % of all operations failed, the aim is at most 1 %"),
        (tally(ok=380, timeout=20), PASS, "5 %"),
        (tally(ok=379, timeout=21), FAIL, "21 of 400 requests failed"),
        (tally(ok=379, server_error=21, examples={Fate.SERVER_ERROR: "HTTP 503"}), FAIL, "ocr, server error: HTTP 503"),
        (tally(ok=379, connection=21), FAIL, "21 connection"),
        (tally(ok=379, unfinished=21), FAIL, "21 unfinished"),
        # Where nothing is limited, 429 is a failure.
        (tally(ok=379, limited=21), FAIL, "21 limited"),
        (tally("classify", ok=200, limited=200), PASS, "0 of 200"),
        (tally("classify", limited=200), INCONCLUSIVE, "nothing but 200 limited"),
        # few requests
        (tally(ok=85, wrong=15), FAIL, "15 of 100"),
        (tally(ok=94, wrong=6), INCONCLUSIVE, "too few requests to be sure"),
        (tally(ok=2, wrong=1), INCONCLUSIVE, "1 of 3"),
        (tally(wrong=3), FAIL, "3 of 3"),
        (tally("compare", ok=10), NOT_COVERED, "had 0 requests"),
    ],
)
def test_errors(made: Any, outcome: Outcome, said: str) -> None:
    which = ERRORS
    if made.operation == "compare":
        which = promise(promises.Errors, operation="ocr", share_max=0.05, share_target=0.01)
        made = (made, tally("ocr"))
    found = judging.judge_errors(evidence(*(made if isinstance(made, tuple) else (made,))), which)
    assert (found.outcome, said in says(found)) == (outcome, True), found


@pytest.mark.parametrize(
    ("made", "outcome"),
    [
        (tally(ok=80, unfinished=64), INCONCLUSIVE),
        (tally(ok=80, wrong=2), INCONCLUSIVE),
        (tally(ok=60, wrong=20), FAIL),
    ],
)
def test_errors_of_an_interrupted_run(made: Any, outcome: Outcome) -> None:
    assert judging.judge_errors(evidence(made, **INTERRUPTED), ERRORS).outcome is outcome


@pytest.mark.parametrize(
    ("made", "fields", "outcome", "said"),
    [
        (tally(ok=180), {}, PASS, "0 of 180 answers"),
        (tally(ok=170, limited=10), {}, PASS, "0 of 180 answers"),
        (tally(ok=179, server_error=1, examples={Fate.SERVER_ERROR: "HTTP 500 oops"}), {}, FAIL, "HTTP 500 oops"),
        (tally(connection=180), {}, INCONCLUSIVE, "no answer at all"),
        (tally(ok=80), INTERRUPTED, INCONCLUSIVE, "kept until"),
        (tally(ok=79, server_error=1), INTERRUPTED, FAIL, "1 of 80 answers: ocr 1"),
    ],
)
def test_server_errors(made: Any, fields: dict[str, Any], outcome: Outcome, said: str) -> None:
    found = judging.judge_server_errors(evidence(made, **fields), SERVER_ERRORS)
    assert (found.outcome, said in says(found)) == (outcome, True), found


@pytest.mark.parametrize(
    ("made", "fields", "outcome", "said"),
    [
        (tally(ok=180), {}, PASS, "10.0/s achieved of 10.0/s: 180 arrivals due, 0 dropped, 180 answered"),
        # An answer is an answer: what it says is judged elsewhere.
        (tally(ok=100, wrong=40, server_error=30, limited=10), {}, PASS, "180 answered (100 as promised)"),
        (tally(ok=990, timeout=10), {}, PASS, "990 answered"),
        (tally(ok=970, timeout=30), {}, FAIL, "970 answered"),
        (tally(ok=970, connection=30), {}, FAIL, "1,000 arrivals due"),
        (tally(ok=970, unfinished=30), {}, FAIL, "970 answered"),
        (tally(ok=175, timeout=5), {}, INCONCLUSIVE, "too few to be sure"),
        (tally(ok=160, timeout=20), {}, FAIL, "160 answered"),
        (tally(ok=999, dropped=1), {}, FAIL, "1 dropped"),
        (tally(ok=80, unfinished=20), INTERRUPTED, INCONCLUSIVE, "kept until"),
        (tally(ok=80, dropped=2), INTERRUPTED, FAIL, "2 dropped"),
    ],
)
def test_throughput(made: Any, fields: dict[str, Any], outcome: Outcome, said: str) -> None:
    found = judging.judge_throughput(evidence(made, **fields), THROUGHPUT)
    assert (found.outcome, said in says(found)) == (outcome, True), found


# ---------------------------------------------------------------------------------------------------------- rate limits


def limited(*fates: tuple[int, int], operation: str = "classify", client: str = "own", **more: Any) -> Any:
    """Make a client's tally of blocks of a second, each with so many served and so many refused."""
    made = [
        Block(number=number, planned=served + refused, fates={Fate.OK: served, Fate.LIMITED: refused})
        for number, (served, refused) in enumerate(fates)
    ]
    served, refused = (sum(each[place] for each in fates) for place in (0, 1))
    return tally(operation, client, ok=served, limited=refused, blocks=made, **more)


@pytest.mark.parametrize(
    ("made", "outcome", "said"),
    [
        # 30 in 3 seconds are allowed
        (limited(*[(5, 0)] * 12), PASS, "client own asked for at most 15 of 30 in 3 s, and was never refused"),
        (limited(*[(10, 8)] * 12), PASS, "was refused what went beyond"),
        (limited(*[(30, 10), (0, 40), (0, 40)] * 4), PASS, "was refused what went beyond"),
        (limited(*[(2, 16)] * 12), FAIL, "having used at most"),
        (limited(*[(5, 0)] * 8, (4, 1), *[(5, 0)] * 3), FAIL, "having used at most 29"),
        # What was used before the run is not known.
        (limited((0, 5), (0, 5), (1, 4), *[(5, 0)] * 9), PASS, "and was refused"),
        (limited(*[(18, 0)] * 12), FAIL, "was served 36 within 2 s"),
        (limited(*[(10, 8)] * 12, silent=3), FAIL, "3 of 96 answers with 429 have no Retry-After"),
        (limited(*[(10, 8)] * 12, server_error=1), FAIL, "1 answers with HTTP 5xx beside 96"),
        (limited(*[(10, 1)] * 12, operation="ocr"), FAIL, "12 requests that have no limit were refused"),
        (tally(ok=100), NOT_COVERED, "classify"),
        # A batch of two counts twice.
        (limited(*[(5, 4)] * 12, operation="classify_batch"), PASS, "refused what went beyond"),
        (limited(*[(9, 0)] * 12, operation="classify_batch"), FAIL, "was served"),
    ],
)
def test_rate_limit(made: Any, outcome: Outcome, said: str) -> None:
    found = judging.judge_rate_limit(evidence(made, limits=LIMITS), LIMIT)
    assert (found.outcome, said in says(found)) == (outcome, True), found


def test_a_limit_that_was_not_reached_is_remarked() -> None:
    found = judging.judge_rate_limit(evidence(limited(*[(5, 0)] * 12), limits=LIMITS), LIMIT)
    assert "what lies beyond the limit was not tried" in says(found)


def test_limits_that_the_platform_does_not_say_cannot_be_judged() -> None:
    found = judging.judge_rate_limit(evidence(limited(*[(10, 8)] * 12)), LIMIT)
    assert (found.outcome, "per_minute" in found.observed) == (INCONCLUSIVE, True)


def test_each_client_has_an_allowance_of_its_own() -> None:
    made = (limited(*[(10, 0)] * 12), limited(*[(10, 0)] * 12, client="other"))
    assert judging.judge_rate_limit(evidence(*made, limits=LIMITS), LIMIT).outcome is PASS


# ------------------------------------------------------------------------------------------------------------- fairness


@pytest.mark.parametrize(
    ("own", "other", "outcome", "said"),
    [
        ({"ok": 100}, {"ok": 100}, PASS, "0 of 100 of other failed"),
        ({"ok": 100}, {"ok": 70, "wrong": 30}, FAIL, "30 of 100 of other failed"),
        ({"ok": 100}, {"ok": 92, "wrong": 8}, INCONCLUSIVE, "chance 0.0"),
        ({"ok": 100}, {"ok": 99, "wrong": 1}, PASS, "1 of 100 of other failed"),
        ({"ok": [0.1] * 40}, {"ok": [0.3] * 40}, FAIL, "median 300 ms of 40 as other"),
        ({"ok": [0.001] * 40}, {"ok": [0.003] * 40}, PASS, "failed"),
        ({"ok": [0.1] * 9}, {"ok": [0.3] * 9}, PASS, "0 of 9 of other failed"),
        ({"ok": 100}, {}, INCONCLUSIVE, "0 of 0 of other failed"),
    ],
)
def test_fairness(own: dict[str, Any], other: dict[str, Any], outcome: Outcome, said: str) -> None:
    made = evidence(tally("ocr", "own", **own), tally("ocr", "other", **other))
    found = judging.judge_fairness(made, FAIRNESS)
    assert (found.outcome, said in says(found)) == (outcome, True), found


def test_clients_that_are_limited_differently_are_not_served_alike() -> None:
    made = evidence(tally("classify", "own", ok=100), tally("classify", "other", ok=60, limited=40))
    found = judging.judge_fairness(made, FAIRNESS)
    assert (found.outcome, "40 of 100 of other were refused" in found.observed) == (FAIL, True)


def test_one_client_alone_cannot_be_compared() -> None:
    found = judging.judge_fairness(evidence(tally(ok=100)), FAIRNESS)
    assert (found.outcome, "SELF_CHECK_OTHER_API_KEY" in found.remedy) == (NOT_COVERED, True)


# ---------------------------------------------------------------------------------------------------------- server view

TIMED = ((0.05, 0.0), (0.1, 60.0), (0.25, 100.0), (math.inf, 100.0))
"""A hundred requests of a tenth of a second, as a histogram has them."""
AGREES: dict[str, Any] = {"count": 100.0, "before_count": 0.0, "restarts": 0.0}


@pytest.mark.parametrize(
    ("values", "buckets", "outcome", "said"),
    [
        (AGREES, TIMED, PASS, "the server counted 100, clients sent 100"),
        ({**AGREES, "count": 98.0}, TIMED, PASS, "counted 98"),
        ({**AGREES, "count": 10.0}, TIMED, FAIL, "the server counted 10, clients sent 100"),
        ({**AGREES, "count": 200.0}, TIMED, FAIL, "in as long a time before 0 were counted"),
        ({**AGREES, "count": 120.0}, TIMED, PASS, "other traffic"),
        ({**AGREES, "count": 200.0, "before_count": 120.0}, TIMED, PASS, "other traffic"),
        ({**AGREES, "count": 900.0, "before_count": 40.0}, TIMED, INCONCLUSIVE, "before 40 were counted"),
        ({"count": 200.0}, TIMED, PASS, "not known"),
        ({}, TIMED, INCONCLUSIVE, "no data for counted"),
        ({**AGREES, "restarts": 1.0}, TIMED, INCONCLUSIVE, "1 replicas started"),
        # the histogram
        (AGREES, (), INCONCLUSIVE, "no data for timed"),
        (AGREES, ((0.25, 12.0), (math.inf, 12.0)), FAIL, "the server timed 12 requests, 100 were answered"),
        (AGREES, ((0.001, 100.0), (math.inf, 100.0)), FAIL, "requests wait where the server's figures do not look"),
        (AGREES, ((0.5, 0.0), (1.0, 100.0), (math.inf, 100.0)), FAIL, "no answer comes before it is made"),
        (AGREES, ((0.05, 0.0), (math.inf, 100.0)), PASS, "more than 50.0 ms for the server"),
        (AGREES, ((0.1, 300.0), (0.25, 500.0), (math.inf, 500.0)), PASS, "80 % of what the server timed"),
    ],
)
def test_server_view(
    values: dict[str, Any], buckets: tuple[tuple[float, float], ...], outcome: Outcome, said: str
) -> None:
    found = judging_server.judge_server_view(
        evidence(tally(ok=[0.09] * 60 + [0.12] * 40), measured=measured(buckets=buckets, **values)), VIEW
    )
    assert (found.outcome, said in says(found)) == (outcome, True), found


def test_requests_of_the_warm_up_are_the_servers_too() -> None:
    warm = [Block(number=0, planned=50, fates={Fate.OK: 50}, latency=histogram([0.09] * 50))]
    made = tally(ok=50, blocks=[*warm, *blocks([0.09] * 10 + [0.12] * 40, first=2)])
    found = judging_server.judge_server_view(evidence(made, measured=measured(buckets=TIMED, **AGREES)), VIEW)
    assert (found.outcome, "clients sent 100" in found.observed) == (PASS, True), found


def test_what_failed_may_have_been_counted() -> None:
    made = tally(ok=[0.09] * 80, timeout=20)
    for count in (80.0, 90.0, 100.0):
        values = measured(buckets=((0.1, count), (math.inf, count)), **{**AGREES, "count": count})
        found = judging_server.judge_server_view(evidence(made, measured=values), VIEW)
        assert (found.outcome, "clients sent 80 to 100" in found.observed) == (PASS, True), found


@pytest.mark.parametrize(
    ("made", "outcome", "said"),
    [
        ({}, INCONCLUSIVE, "Prometheus was not asked"),
        (measured(trouble="no answer"), INCONCLUSIVE, "no answer"),
    ],
)
def test_what_prometheus_could_not_say_is_inconclusive(made: dict[str, Any], outcome: Outcome, said: str) -> None:
    looked = evidence(tally(ok=100), measured=made)
    for found in (judging_server.judge_server_view(looked, VIEW), judging_server.judge_ceiling(looked, CEILING)):
        assert (found.outcome, said in found.observed) == (outcome, True), found


def test_operations_that_a_profile_has_not_are_not_covered() -> None:
    made = evidence(tally("compare", ok=100), measured=measured(**AGREES))
    assert judging_server.judge_server_view(made, VIEW).outcome is NOT_COVERED


@pytest.mark.parametrize(("q", "bounds"), [(0.5, (0.05, 0.1)), (0.61, (0.1, 0.25)), (0.0, (0.0, 0.05))])
def test_the_bucket_of_a_quantile(q: float, bounds: tuple[float, float]) -> None:
    assert judging_server.bucket_of(TIMED, q) == bounds


def test_a_view_has_something_to_ask_for() -> None:
    with pytest.raises(ValidationError, match="give `count`, `buckets` or both"):
        promise(promises.ServerView, operations=["ocr"])


# ------------------------------------------------------------------------------------------------- ceilings, saturation


@pytest.mark.parametrize(
    ("values", "fields", "outcome", "said"),
    [
        ({"value": 0.0}, {}, PASS, "0"),
        ({"value": 2.0}, {}, FAIL, "2"),
        ({"value": math.nan}, {}, INCONCLUSIVE, "no data"),
        ({}, {}, INCONCLUSIVE, "no data"),
        ({"value": 0.0}, INTERRUPTED, INCONCLUSIVE, "kept until"),
    ],
)
def test_ceiling(values: dict[str, Any], fields: dict[str, Any], outcome: Outcome, said: str) -> None:
    found = judging_server.judge_ceiling(evidence(tally(ok=100), measured=measured(**values), **fields), CEILING)
    assert (found.outcome, said in found.observed) == (outcome, True), found


def test_saturation_is_shown_and_remarked_and_never_fails() -> None:
    made = evidence(tally(ok=100), courses=courses([(1, 0.2), (2, 0.95)], [(1, 0.1), (2, 0.2)]))
    found = judging_server.judge_saturation(made, SATURATION)
    assert found.outcome is PASS
    assert "0.950 at most, 0.575 in the middle of replica=1; 0.200 at most" in found.observed
    assert found.notes == ("saturated: a promise for tests (replica=1) reached 0.900",)


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({}, NOT_COVERED),
        ({"measured": measured(trouble="no answer")}, INCONCLUSIVE),
        (INTERRUPTED, INCONCLUSIVE),
        ({"courses": courses([])}, NOT_COVERED),
    ],
)
def test_a_course_that_is_missing(fields: dict[str, Any], outcome: Outcome) -> None:
    assert judging_server.judge_saturation(evidence(tally(ok=100), **fields), SATURATION).outcome is outcome


# ---------------------------------------------------------------------------------------------------------- autoscaling


@pytest.mark.parametrize(
    ("wanted", "pressed", "outcome", "said"),
    [
        (
            [(0, 3), (60, 3), (90, 5)],
            [(0, 0.5), (20, 1.4), (100, 1.4)],
            PASS,
            "3 replicas wanted before, 5 after",
        ),
        (
            [(0, 3), (60, 3), (90, 3)],
            [(0, 0.5), (20, 1.4), (100, 1.4)],
            FAIL,
            "3 replicas wanted before, 3 after",
        ),
        ([(0, 3), (90, 3)], [(0, 0.5), (20, 0.8), (100, 0.9)], NOT_COVERED, "90 % of its target"),
        ([(0, 3), (90, 3)], [(0, 0.5), (20, 1.8), (30, 0.9), (40, 1.8)], NOT_COVERED, "or not for 30 s"),
        ([(0, 3)], [(0, 0.5), (20, 1.4), (100, 1.4)], INCONCLUSIVE, "no data about replicas since"),
        ([], [(0, 0.5)], NOT_COVERED, "wanted"),
    ],
)
def test_autoscaling(wanted: list[Any], pressed: list[Any], outcome: Outcome, said: str) -> None:
    made = {
        "area.promise": (
            *courses(wanted, series="replicas")["area.promise"],
            *courses(pressed, series="pressure")["area.promise"],
        )
    }
    found = judging_server.judge_autoscaling(evidence(tally(ok=100), courses=made), AUTOSCALING)
    assert (found.outcome, said in found.observed) == (outcome, True), found


# --------------------------------------------------------------------------------------------------------------- trends

HOUR = 3600.0
SOAK: dict[str, Any] = {
    "profile": {"grows": True, "shape": {"kind": "constant", "rate": 0.01, "duration_seconds": 4 * HOUR}},
    "line": ((0.0, 0.01), (4 * HOUR, 0.01)),
    "workers": [worker(arrivals=144)],
    "elapsed_seconds": 4 * HOUR,
    "warm_up_seconds": 600.0,
    "block_seconds": 60.0,
}


def memory(value: Any, *, minutes: int = 240) -> list[tuple[float, float]]:
    """Make a sample a minute; `value` gives bytes for a minute."""
    return [(minute * 60.0, float(value(minute))) for minute in range(minutes)]


DICE = random.Random(3)
NOISE = [DICE.gauss(0, 1e6) for _ in range(1000)]


@pytest.mark.parametrize(
    ("value", "outcome", "said"),
    [
        (lambda _: 200e6, PASS, "no lasting trend"),
        (lambda minute: 200e6 + NOISE[minute], PASS, "no lasting trend"),
        # a leak of 20 MB an hour is 480 MB a day
        (lambda minute: 200e6 + minute * 20e6 / 60 + NOISE[minute], FAIL, "up by"),
        # 2 MB an hour is certain, and does not lead far
        (lambda minute: 200e6 + minute * 2e6 / 60, PASS, "up by"),
        # garbage is collected every half hour
        (lambda minute: 200e6 + minute % 30 * 5e6, PASS, "no lasting trend"),
        (lambda minute: 200e6 + minute % 30 * 5e6 + minute * 20e6 / 60, FAIL, "up by"),
        # a cache that fills up in the first hour
        (lambda minute: 200e6 + min(minute, 90) * 2e6 + NOISE[minute], PASS, ""),
        # before the warm-up is over, anything may grow
        (lambda minute: 200e6 + min(minute, 9) * 20e6, PASS, "no lasting trend"),
        # it leaked, died and was started again
        (lambda minute: 200e6 + minute % 120 * 10e6, FAIL, "a restart?"),
        # a sawtooth that falls to less than half each time is no restart
        (lambda minute: 100e6 + minute % 40 * 10e6, PASS, "no lasting trend"),
    ],
)
def test_growth(value: Any, outcome: Outcome, said: str) -> None:
    made = evidence(tally(ok=100), **SOAK, courses=courses(memory(lambda _: 150e6), memory(value)))
    found = judging_trends.judge_growth(made, GROWTH)
    both = judging_trends.judge_growth(evidence(tally(ok=100), **SOAK, courses=courses(memory(value))), GROWTH)
    assert (found.outcome, both.outcome, said in says(both)) == (outcome, outcome, True), (found, both)


def test_too_few_points_show_no_trend() -> None:
    made = evidence(tally(ok=100), **SOAK, courses=courses(memory(lambda minute: minute * 1e9, minutes=25)))
    found = judging_trends.judge_growth(made, GROWTH)
    assert (found.outcome, "15 points" in found.observed) == (INCONCLUSIVE, True), found


def test_a_ratio_that_must_not_fall() -> None:
    falls = promise(
        promises.Growth, query="hits", falls=True, horizon_hours=24, change_share_max=0.2, change_min=0.1, points_min=20
    )
    for value, outcome in (
        (lambda minute: 0.5 - minute * 0.001, FAIL),
        (lambda minute: 0.5 + minute * 0.001, PASS),
        (lambda _: 0.0, PASS),
    ):
        made = evidence(tally(ok=100), **SOAK, courses=courses(memory(value)))
        assert judging_trends.judge_growth(made, falls).outcome is outcome


def test_a_short_profile_does_not_cover_growth() -> None:
    made = evidence(tally(ok=100), courses=courses(memory(lambda minute: minute * 1e9)))
    assert judging_trends.judge_growth(made, GROWTH).outcome is NOT_COVERED
    assert judging_trends.judge_drift(made, DRIFT).outcome is NOT_COVERED


def test_a_profile_that_is_played_faster_looks_ahead_less_far() -> None:
    quick = {**SOAK, "line": ((0.0, 3.6), (40.0, 3.6)), "warm_up_seconds": 2.0}
    made = evidence(
        tally(ok=100), **quick, courses=courses([(second / 2, 200e6 + second * 1e5) for second in range(80)])
    )
    # 8 MB in 40 s would be 17 GB in a day; in the six times 40 s that stand for it, 48 MB.
    assert judging_trends.judge_growth(made, GROWTH).outcome is PASS


@pytest.mark.parametrize(
    ("value", "outcome"),
    [(lambda _: 0.1, PASS), (lambda block: 0.1 + block * 0.002, FAIL), (lambda block: 0.1 + block * 1e-6, PASS)],
)
def test_drift(value: Any, outcome: Outcome) -> None:
    made = blocks(*([value(number)] * 3 for number in range(10, 100)), first=10)
    found = judging_trends.judge_drift(evidence(tally(ok=270, blocks=made), tally("compare", ok=2), **SOAK), DRIFT)
    assert (found.outcome, "compare" in says(found)) == (outcome, True), found


def test_drift_without_enough_points() -> None:
    made = evidence(tally(ok=6, blocks=blocks([0.1] * 3, [0.1] * 3, first=20)), **SOAK)
    assert judging_trends.judge_drift(made, DRIFT).outcome is INCONCLUSIVE


# ----------------------------------------------------------------------------------------------------------- regression


def run(factor: float = 1.0, *, seed: int = 1, count: int = 18) -> Any:
    """Make blocks of five answers, of about a tenth of a second times the factor."""
    dice = random.Random(seed)
    made = blocks(*([factor * dice.lognormvariate(-2.3, 0.3) for _ in range(5)] for _ in range(count)), first=2)
    return tally(ok=5 * count, blocks=made)


@pytest.mark.parametrize(
    ("now", "outcome", "said"),
    [
        (run(seed=2), PASS, "then"),
        (run(1.05, seed=2), PASS, "then"),
        (run(2.0, seed=2), FAIL, "p50 of ocr"),
        (run(0.5, seed=2), PASS, "then"),
        (run(2.0, seed=2, count=4), NOT_COVERED, "no operation has 8 blocks"),
    ],
)
def test_regression(now: Any, outcome: Outcome, said: str) -> None:
    found = judging_trends.judge_regression(evidence(now), REGRESSION, record(run()))
    assert (found.outcome, said in found.observed) == (outcome, True), found


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"profile": "smoke"}, "other profile"),
        ({"line": ((0.0, 20.0), (20.0, 20.0))}, "other rates"),
        ({"environment": "production"}, "other environment"),
        ({"interrupted": True}, "it was cut short"),
        ({"tallies": [run(), tally("compare", ok=5)]}, "other operations and clients"),
    ],
)
def test_runs_of_another_kind_are_not_compared(fields: dict[str, Any], said: str) -> None:
    found = judging_trends.judge_regression(evidence(run(2.0)), REGRESSION, record(run()).model_copy(update=fields))
    assert (found.outcome, said in found.observed) == (INCONCLUSIVE, True), found


def test_without_a_stored_run_nothing_is_compared() -> None:
    found = judging_trends.judge_regression(evidence(run()), REGRESSION, None)
    assert (found.outcome, "SELF_CHECK_LOAD_BASELINE" in found.remedy) == (NOT_COVERED, True)


def test_blocks_are_joined_until_they_have_enough() -> None:
    made = evidence(tally(ok=9, blocks=blocks([1.0], [0.1] * 2, [0.1], [0.1] * 3, [], [0.1] * 2)), warm_up_seconds=1.0)
    joined = [(at, durations.count) for at, durations in judging_trends.joined_blocks(made.record, made.record.of(), 3)]
    assert joined == [(2.0, 3), (3.5, 3), (5.0, 2)]


def test_the_line_of_the_builder_has_the_arrivals_of_its_worker() -> None:
    assert sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in itertools.pairwise(LINE)) == 200


# ------------------------------------------------------------------------------------------------------------- contract

CONTRACT = load()
assert live.GENERATOR in kinds()


def test_each_operation_has_its_limits() -> None:
    every = set(operations(CONTRACT))
    assert {made.operation for made in CONTRACT.promises("load.latency", promises.Latency)} == every
    assert {made.operation for made in CONTRACT.promises("load.errors", promises.Errors)} == {*every, ""}


def test_operations_that_are_limited_are_those_of_a_limit() -> None:
    costs = {name for made in CONTRACT.promises("load.rate_limit", promises.RateLimit) for name in made.costs}
    assert costs == {name for name, operation in operations(CONTRACT).items() if operation.rate_limited}


@pytest.mark.parametrize(
    "made", [made for _, made in CONTRACT.all_promises() if isinstance(made, promises.Loaded)], ids=lambda made: made.id
)
def test_what_prometheus_is_asked_is_promql(made: promises.Loaded) -> None:
    asks = made.asks()
    queries = [*asks.differences.values(), *asks.instants.values(), *asks.courses.values(), asks.buckets]
    for query in filter(None, queries):
        promql_parser.parse(query.replace("{window}", "30s"))
    assert not any(queries) or Component.PROMETHEUS in made.requires


@pytest.mark.parametrize(
    "made", CONTRACT.parts(promises.SEARCHES, promises.Search).values(), ids=lambda made: made.name
)
def test_a_search_can_be_done(made: promises.Search) -> None:
    assert made.profile in profiles(CONTRACT)
    ids = [each.id for _, each in CONTRACT.all_promises()]
    assert all(fnmatch.filter(ids, pattern) for pattern in made.decisive)
    for query in (made.peak, made.replicas):
        promql_parser.parse(query)


@pytest.mark.parametrize("made", CONTRACT.promises("load.latency", promises.Latency), ids=lambda made: made.id)
def test_the_limits_of_each_operation_are_where_the_contract_has_them(made: promises.Latency) -> None:
    for q, limit in made.limits:
        beyond = round(20_000 * (1 - q))
        for far, outcome in ((0.98, PASS), (1.02, FAIL)):
            looked = tally(made.operation, ok=[0.001] * (20_000 - beyond - 1) + [limit * far] * (beyond + 1))
            assert judging.judge_latency(evidence(looked, quantiles=(q,)), made).outcome is outcome, (q, limit)
