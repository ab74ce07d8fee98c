"""The shapes of load: which rate is when, how many arrivals that makes, and when each of them is due."""

from __future__ import annotations

import math

import pytest
from pydantic import TypeAdapter, ValidationError

from load.shapes import Area, Constant, Line, Points, Ramp, Replay, Shape, Soak, Spike, Step

CONSTANT = Constant(kind="constant", rate=20, duration_seconds=30)
RAMP = Ramp(kind="ramp", from_rate=10, to_rate=50, duration_seconds=20, hold_seconds=10)
STEP = Step(kind="step", rates=(10, 20, 5), step_seconds=10)
SPIKE = Spike(kind="spike", base_rate=5, peak_rate=100, before_seconds=10, peak_seconds=2, after_seconds=8)
SOAK = Soak(kind="soak", rate=10, start_seconds=20, duration_seconds=100)
QUIET = Points(kind="points", through=((0, 0), (10, 0), (10, 8), (20, 8), (20, 0), (25, 0), (30, 10)))
"""Nothing at first, nothing in between."""


@pytest.mark.parametrize(
    ("line", "seconds", "rate_max", "expected"),
    [
        (CONSTANT, 30, 20, 600),
        (RAMP, 30, 50, 30 * 20 + 50 * 10),
        (RAMP.model_copy(update={"hold_seconds": 0}), 20, 50, 600),
        (STEP, 30, 20, 350),
        (SPIKE, 20, 100, 50 + 200 + 40),
        (SOAK, 100, 10, 5.5 * 20 + 10 * 80),
        (QUIET, 30, 10, 80 + 25),
    ],
)
def test_a_shape_has_an_end_a_peak_and_an_area(line: Line, seconds: float, rate_max: float, expected: float) -> None:
    assert (line.seconds, line.rate_max) == (seconds, rate_max)
    assert line.expected == pytest.approx(expected)


@pytest.mark.parametrize(
    ("line", "at", "rate"),
    [
        (CONSTANT, 0, 20),
        (CONSTANT, 30, 20),
        (CONSTANT, 30.001, 0),
        (CONSTANT, -0.001, 0),
        (RAMP, 0, 10),
        (RAMP, 5, 20),
        (RAMP, 20, 50),
        (RAMP, 25, 50),
        # On a jump the new rate counts.
        (STEP, 9.999, 10),
        (STEP, 10, 20),
        (STEP, 20, 5),
        (STEP, 30, 5),
        (SPIKE, 9.999, 5),
        (SPIKE, 10, 100),
        (SPIKE, 12, 5),
        (SOAK, 0, 1),
        (SOAK, 10, 5.5),
        (QUIET, 5, 0),
        (QUIET, 10, 8),
        (QUIET, 22, 0),
        (QUIET, 27.5, 5),
    ],
)
def test_the_rate_at_a_moment(line: Line, at: float, rate: float) -> None:
    assert line.rate_at(at) == pytest.approx(rate)


@pytest.mark.parametrize("line", [CONSTANT, RAMP, STEP, SPIKE, SOAK])
def test_the_area_and_its_inverse_agree(line: Line) -> None:
    """The n-th arrival is due when the area under the rate is n: summed up in small steps it is."""
    area, step = Area(line.points()), line.seconds / 20_000
    grown, reached = 0.0, iter([(number / 7, area.reached_at(area.total * number / 7)) for number in range(1, 7)])
    share, moment = next(reached)
    for number in range(20_000):
        if number * step >= moment:
            assert grown == pytest.approx(share * area.total, rel=0.002)
            share, moment = next(reached, (math.nan, math.inf))
        grown += line.rate_at((number + 0.5) * step) * step
    assert grown == pytest.approx(area.total, rel=0.002)


@pytest.mark.parametrize("line", [CONSTANT, RAMP, STEP, SPIKE, SOAK, QUIET])
def test_later_arrivals_are_due_later_and_none_after_the_end(line: Line) -> None:
    area = Area(line.points())
    moments = [area.reached_at(area.total * number / 1000) for number in range(1001)]
    assert moments == sorted(moments)
    assert moments[-1] == area.reached_at(2 * area.total) == line.seconds


def test_nothing_is_due_while_the_rate_is_zero() -> None:
    area = Area(QUIET.points())
    moments = [area.reached_at(area.total * (number + 0.5) / 105) for number in range(105)]
    assert all(10 <= moment <= 20 or moment > 25 for moment in moments)
    assert sum(moment <= 20 for moment in moments) == 80


def test_a_rise_that_is_hardly_one_loses_no_digits() -> None:
    """Solved naively, the quadratic equation would subtract two numbers that are nearly the same."""
    flat = Ramp(kind="ramp", from_rate=100, to_rate=100 + 1e-9, duration_seconds=1000)
    assert Area(flat.points()).reached_at(50_000) == pytest.approx(500, abs=1e-6)


@pytest.mark.parametrize("line", [CONSTANT, RAMP, STEP, SPIKE, SOAK, QUIET])
def test_a_scaled_shape_is_the_same_shape(line: Line) -> None:
    scaled = line.scaled(rate=2, seconds=0.5)
    assert scaled.seconds == pytest.approx(line.seconds / 2)
    assert scaled.rate_max == pytest.approx(2 * line.rate_max)
    assert scaled.expected == pytest.approx(line.expected)
    assert [scaled.rate_at(at / 2) for at in (0, 3, 13)] == pytest.approx([2 * line.rate_at(at) for at in (0, 3, 13)])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "constant", "rate": 0, "duration_seconds": 1}, "greater than 0"),
        ({"kind": "constant", "rate": 1, "duration_seconds": 8 * 86_400}, "less than or equal"),
        ({"kind": "step", "rates": [], "step_seconds": 1}, "at least 1 item"),
        ({"kind": "soak", "rate": 1, "start_seconds": 10, "duration_seconds": 10}, "must be less than"),
        ({"kind": "points", "through": [[0, 1]]}, "at least 2 items"),
        ({"kind": "points", "through": [[1, 1], [2, 1]]}, "times must begin with 0"),
        ({"kind": "points", "through": [[0, 1], [2, 1], [1, 1]]}, "never go back"),
        ({"kind": "points", "through": [[0, 1], [0, 2]]}, "times must begin with 0"),
        ({"kind": "points", "through": [[0, 0], [1, 0]]}, "not all 0"),
        ({"kind": "points", "through": [[0, -1], [1, 1]]}, "not negative"),
        ({"kind": "points", "through": [[0, 1], [1, math.inf]]}, "finite"),
        ({"kind": "wave", "rate": 1}, "'constant', 'ramp', 'step'"),
        ({"kind": "constant", "rate": 1, "duration_seconds": 1, "hold": 1}, "not permitted"),
    ],
)
def test_a_shape_that_cannot_be_played_is_refused(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        TypeAdapter(Shape).validate_python(fields)


def replay(**fields: float) -> Replay:
    """A replay of some recording."""
    return Replay(kind="replay", query="rate", window_seconds=60, step_seconds=20, **fields)


def test_a_recording_is_played_faster_and_higher() -> None:
    line = replay(speed=2, rate_factor=3).recorded(((1000, 1), (1020, 2), (1060, 0)))
    assert line.points() == ((0, 3), (10, 6), (30, 0))


def test_a_recording_has_no_rate_below_zero() -> None:
    assert replay().recorded(((0, -0.1), (20, 1))).points() == ((0, 0), (20, 1))


@pytest.mark.parametrize("samples", [(), ((0, 1),)])
def test_a_recording_of_less_than_two_samples_is_refused(samples: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        replay().recorded(samples)
