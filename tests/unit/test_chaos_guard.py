"""Who may put faults into what: consent, and what a steady state is. What needs a live target is in tests/chaos."""

from __future__ import annotations

import pytest

from chaos.guard import consent, unrolled, unsteady
from chaos.record import Look
from selfcheck.clients.kubernetes import Replicas
from selfcheck.contract import Environment, Right
from selfcheck.verdict import Outcome

ALLOWED = Environment(base_url="http://localhost", allow=(Right.READ, Right.CHAOS))


@pytest.mark.parametrize(
    ("name", "environment", "given", "says"),
    [
        ("staging", ALLOWED, "staging", ""),
        ("staging", ALLOWED, "", "CHAOS_CONSENT is not set: set CHAOS_CONSENT=staging"),
        ("staging", ALLOWED, "local", "CHAOS_CONSENT is 'local': set CHAOS_CONSENT=staging"),
        ("staging", ALLOWED, "1", "CHAOS_CONSENT is '1'"),
        ("staging", ALLOWED, "STAGING", "CHAOS_CONSENT is 'STAGING'"),
        ("production", Environment(base_url="http://localhost"), "production", "does not allow chaos"),
        ("ad-hoc", Environment(base_url="http://localhost"), "ad-hoc", "name it with SELF_CHECK_ENVIRONMENT"),
        (
            "staging",
            ALLOWED.model_copy(update={"change_freeze": "end of the quarter"}),
            "staging",
            "a change freeze is set for the environment staging: end of the quarter",
        ),
    ],
)
def test_consent(name: str, environment: Environment, given: str, says: str) -> None:
    found = consent(name, environment, given)
    assert bool(found) == bool(says)
    assert says in "".join(found)


@pytest.mark.parametrize(
    ("looks", "says"),
    [
        ([], "nothing was looked at"),
        ([Look(id="health.status", outcome=Outcome.PASS)], ""),
        ([Look(id="health.status", outcome=Outcome.NOT_COVERED)], "nothing could be told of the steady state"),
        ([Look(id="a.b", outcome=Outcome.PASS), Look(id="a.c", outcome=Outcome.NOT_COVERED)], ""),
        ([Look(id="health.status", outcome=Outcome.FAIL, observed="degraded")], "health.status is FAIL: degraded"),
        ([Look(id="a.b", outcome=Outcome.PASS), Look(id="a.c", outcome=Outcome.INCONCLUSIVE)], "a.c is INCONCLUSIVE"),
    ],
)
def test_what_is_no_steady_state(looks: list[Look], says: str) -> None:
    found = unsteady(looks)
    assert bool(found) == bool(says)
    assert says in "".join(found)


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (Replicas(wanted=3, ready=3, updated=3, observed=True), []),
        (Replicas(wanted=3, ready=4, updated=3, observed=True), []),
        (Replicas(wanted=0, ready=0, updated=0, observed=True), []),
        (Replicas(wanted=3, ready=2, updated=3, observed=True), ["2 of 3 pods of the Deployment n/d are ready"]),
        (
            Replicas(wanted=3, ready=3, updated=1, observed=True),
            ["a rollout of the Deployment n/d is under way: 1 of 3"],
        ),
        (Replicas(wanted=3, ready=2, updated=1, observed=True), ["a rollout", "2 of 3 pods"]),
        (Replicas(wanted=3, ready=3, updated=3, observed=False), ["was changed, and its controller has not seen it"]),
    ],
)
def test_a_deployment_that_is_not_as_it_is_wanted(found: Replicas, says: list[str]) -> None:
    troubles = unrolled("n/d", found)
    assert len(troubles) == len(says)
    assert all(words in trouble for words, trouble in zip(says, troubles, strict=True))
