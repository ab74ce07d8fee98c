"""Arrivals: known before the first request, the same in every process, and shared out without a rest."""

from __future__ import annotations

import itertools
import json
import statistics
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from load.arrivals import Arrival, Spacing, arrivals, due, share
from load.shapes import Constant, Line, Points, Ramp, Spike, Step

ROOT = Path(__file__).resolve().parent.parent.parent
MIX = (("ocr", 3.0), ("vision", 1.0), ("compare", 0.5))
CONSTANT = Constant(kind="constant", rate=50, duration_seconds=20)
RAMP = Ramp(kind="ramp", from_rate=1, to_rate=100, duration_seconds=30)
STEP = Step(kind="step", rates=(10, 200, 1), step_seconds=10)
SPIKE = Spike(kind="spike", base_rate=5, peak_rate=300, before_seconds=5, peak_seconds=1, after_seconds=5)
PAUSED = Points(kind="points", through=((0, 40), (5, 40), (5, 0), (15, 0), (15, 40), (20, 40)))
LINES = [CONSTANT, RAMP, STEP, SPIKE, PAUSED]


def played(line: Line, spacing: Spacing = Spacing.POISSON, seed: int = 1) -> list[Arrival]:
    """All arrivals of a line."""
    return list(arrivals(line, spacing, seed, MIX, ("own", "other")))


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("spacing", Spacing)
def test_arrivals_are_in_order_within_the_run_and_numbered(line: Line, spacing: Spacing) -> None:
    every = played(line, spacing)
    moments = [arrival.at_seconds for arrival in every]
    assert moments == sorted(moments)
    assert 0 <= moments[0] <= moments[-1] <= line.seconds
    assert [arrival.number for arrival in every] == list(range(len(every)))


@pytest.mark.parametrize("line", LINES)
def test_even_arrivals_are_exactly_as_many_as_the_area(line: Line) -> None:
    assert len(list(due(line, Spacing.EVEN, 1))) == round(line.expected)


def test_even_arrivals_of_a_constant_rate_have_equal_distances_and_half_of_one_at_both_ends() -> None:
    moments = list(due(Constant(kind="constant", rate=4, duration_seconds=2), Spacing.EVEN, 1))
    assert moments == pytest.approx([0.125, 0.375, 0.625, 0.875, 1.125, 1.375, 1.625, 1.875])


def test_a_line_of_less_than_half_an_arrival_has_none() -> None:
    assert list(due(Constant(kind="constant", rate=0.1, duration_seconds=4), Spacing.EVEN, 1)) == []


def test_the_seed_says_nothing_of_even_arrivals() -> None:
    assert list(due(RAMP, Spacing.EVEN, 1)) == list(due(RAMP, Spacing.EVEN, 2))


@pytest.mark.parametrize("spacing", Spacing)
def test_arrivals_follow_a_jump_at_once(spacing: Spacing) -> None:
    """Within six standard deviations of a Poisson number, in each step."""
    moments = list(due(STEP, spacing, 3))
    counts = Counter(int(moment // 10) for moment in moments)
    for step, rate in enumerate(STEP.rates):
        assert abs(counts[step] - 10 * rate) <= 6 * (10 * rate) ** 0.5 + 1


@pytest.mark.parametrize("spacing", Spacing)
def test_nothing_arrives_while_the_rate_is_zero(spacing: Spacing) -> None:
    moments = list(due(PAUSED, spacing, 5))
    assert not any(5 < moment < 15 for moment in moments)
    assert sum(moment >= 15 for moment in moments) > 100


@pytest.mark.parametrize("line", [CONSTANT, RAMP])
def test_the_time_between_poisson_arrivals_is_exponential_when_time_is_rescaled(line: Line) -> None:
    """Seen on a clock that runs with the expected number of arrivals, mean and standard deviation are both 1."""
    moments = list(due(Points(kind="points", through=line.scaled(rate=10).points()), Spacing.POISSON, 11))
    rates = line.scaled(rate=10)
    gaps = [(b - a) * rates.rate_at((a + b) / 2) for a, b in itertools.pairwise(moments)]
    assert statistics.mean(gaps) == pytest.approx(1, abs=0.06)
    assert statistics.stdev(gaps) == pytest.approx(1, abs=0.08)
    # Independent of each other: a long gap says nothing of the next.
    assert abs(statistics.correlation(gaps[:-1], gaps[1:])) < 0.06


def test_poisson_arrivals_are_more_or_less_as_many_as_the_area_and_differ_by_seed() -> None:
    counts = [len(list(due(CONSTANT, Spacing.POISSON, seed))) for seed in range(40)]
    assert statistics.mean(counts) == pytest.approx(1000, rel=0.02)
    assert statistics.stdev(counts) == pytest.approx(1000**0.5, rel=0.4)
    assert len(set(counts)) > 20


def test_the_mix_is_kept_and_clients_take_turns_in_each_operation() -> None:
    every = played(CONSTANT.model_copy(update={"rate": 500.0}))
    counts = Counter(arrival.operation for arrival in every)
    whole = sum(weight for _, weight in MIX)
    for name, weight in MIX:
        assert counts[name] / len(every) == pytest.approx(weight / whole, abs=0.02)
        mine = [arrival.client for arrival in every if arrival.operation == name]
        assert mine == list(itertools.islice(itertools.cycle(("own", "other")), len(mine)))


def test_the_operations_do_not_depend_on_the_spacing() -> None:
    even, random = played(CONSTANT, Spacing.EVEN), played(CONSTANT)
    assert all(a.operation == b.operation for a, b in zip(even, random, strict=False))


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_every_arrival_belongs_to_exactly_one_worker(workers: int) -> None:
    every = played(SPIKE)
    shares = [list(share(iter(every), worker, workers)) for worker in range(workers)]
    assert sorted(itertools.chain(*shares), key=lambda arrival: arrival.number) == every
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_more_workers_than_arrivals_leave_some_without_work() -> None:
    every = played(Constant(kind="constant", rate=1, duration_seconds=3), Spacing.EVEN)
    assert [len(list(share(iter(every), worker, 5))) for worker in range(5)] == [1, 1, 1, 0, 0]


def test_another_process_finds_the_same_arrivals() -> None:
    """Workers are told the plan and not the arrivals; the order of sets and hashes must say nothing."""
    script = (
        "import json, sys; from load.arrivals import *; from load.shapes import Ramp\n"
        "line = Ramp(kind='ramp', from_rate=1, to_rate=100, duration_seconds=30)\n"
        "mix = (('ocr', 3.0), ('vision', 1.0), ('compare', 0.5))\n"
        "every = arrivals(line, Spacing.POISSON, 9, mix, ('own', 'other'))\n"
        "json.dump([[a.number, a.at_seconds, a.operation, a.client] for a in every], sys.stdout)"
    )
    here = [[one.number, one.at_seconds, one.operation, one.client] for one in played(RAMP, seed=9)]
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": hash_seed, "PATH": ""},
        )
        assert json.loads(done.stdout) == here
