"""What several processes counted adds up without loss, and what a lost one should have done stays planned."""

from __future__ import annotations

import random

import pytest

from load.arrivals import Spacing, share
from load.plan import Operation, Plan, Profile
from load.record import Durations, Fate, Tally
from load.shapes import Constant
from load.tallying import Times, countings, lost, merged, schedule


def plan(workers: int = 2) -> Plan:
    """A plan of ten seconds, the first two to warm up, for two operations and two clients."""
    shape = Constant(kind="constant", rate=30, duration_seconds=10)
    profile = Profile(
        name="test",
        says="a profile of the tests",
        shape=shape,
        spacing=Spacing.POISSON,
        quantiles=(0.5,),
        warm_up_seconds=2,
        request_timeout_seconds=5,
        drain_seconds=1,
        in_flight_max=10,
        block_seconds=1,
        grows=False,
    )
    return Plan(
        profile=profile,
        line=shape.scaled(),
        seed=3,
        workers=workers,
        operations=tuple(
            Operation(name=name, says=name * 2, act=name, weight=1, think_seconds=0, rate_limited=False)
            for name in ("first", "second")
        ),
        clients=("own", "other"),
        base_url="http://localhost:8000",
        run_id="selfcheck-test",
    )


def counted(of: Plan, workers: int, only: int | None = None) -> list[list[Tally]]:
    """Count all arrivals, each by the worker whose it is, with fates that depend on the arrival alone."""
    found = []
    for worker in range(workers):
        every = countings(of)
        for arrival in share(schedule(of), worker, workers):
            counting = every[arrival.operation, arrival.client]
            counting.plan(arrival.at_seconds)
            dice = random.Random(arrival.number)
            if dice.random() < 0.1:
                counting.drop(arrival.at_seconds)
                continue
            seconds = dice.expovariate(10)
            fate = dice.choice((Fate.OK, Fate.OK, Fate.LIMITED, Fate.SERVER_ERROR))
            if fate is not Fate.OK:
                counting.examples.setdefault(fate, str(fate))
            counting.end(arrival.at_seconds, fate, Times(seconds / 2, 2 * seconds, seconds), without_retry_after=False)
        found.append([counting.tally() for counting in every.values()])
    return found if only is None else [found[only]]


@pytest.mark.parametrize("workers", [2, 3])
def test_the_sum_of_several_is_what_one_alone_would_have_counted(workers: int) -> None:
    alone = merged(plan(), counted(plan(), 1)[0])
    together = merged(plan(), [tally for tallies in counted(plan(), workers) for tally in tallies])
    assert together == alone
    assert all(tally.planned == tally.started + tally.dropped for tally in together)
    assert all(tally.started == sum(tally.fates.values()) for tally in together)


def test_the_warm_up_is_in_the_blocks_and_nowhere_else() -> None:
    for tally in counted(plan(), 1)[0]:
        judged = [block for block in tally.blocks if block.number >= 2]
        assert len(tally.blocks) == 10
        assert sum(block.planned for block in judged) == tally.planned
        assert sum(block.fates.get(Fate.OK, 0) for block in judged) == tally.fate(Fate.OK)
        assert Durations.of(block.latency for block in judged).count == Durations.of([tally.latency]).count


def test_histograms_hold_what_was_answered_as_promised_and_nothing_else() -> None:
    for tally in counted(plan(), 1)[0]:
        latency, service = Durations.of([tally.latency]), Durations.of([tally.service])
        assert latency.count == service.count == tally.fate(Fate.OK) > 0
        assert latency.mean == pytest.approx(2 * service.mean, rel=0.002)


def test_the_share_of_a_lost_worker_stays_planned() -> None:
    of = plan()
    whole = merged(of, counted(of, 1)[0])
    left = merged(of, [*counted(of, 2, only=0)[0], *lost(of, [1], float("inf"))])
    assert [tally.planned for tally in left] == [tally.planned for tally in whole]
    assert [[block.planned for block in tally.blocks] for tally in left] == [
        [block.planned for block in tally.blocks] for tally in whole
    ]
    assert sum(tally.started for tally in left) < 0.6 * sum(tally.started for tally in whole)


def test_a_lost_worker_owes_nothing_that_was_not_due_before_the_end() -> None:
    of = plan()
    due = sum(2 <= arrival.at_seconds <= 5 for arrival in share(schedule(of), 1, 2))
    assert sum(tally.planned for tally in lost(of, [1], 5.0)) == due
