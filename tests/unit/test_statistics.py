"""The statistics behind verdicts: values that are known from elsewhere, and what each must not be fooled by."""

from __future__ import annotations

import math
import random

import pytest

from load import statistics as stats


@pytest.mark.parametrize(("q", "needed"), [(0.5, 20), (0.95, 200), (0.99, 1000), (0.999, 10_000)])
def test_a_quantile_needs_ten_requests_beyond_it(q: float, needed: int) -> None:
    assert stats.needed_for(1 - q) == needed


def test_a_share_that_must_be_nothing_needs_one_request() -> None:
    assert stats.needed_for(0.0) == 1


@pytest.mark.parametrize(
    ("count", "total", "share", "more"),
    [(10, 200, 1 - 0.95, False), (11, 200, 1 - 0.95, True), (10, 10_000, 1 - 0.999, False), (0, 0, 0.05, False)],
)
def test_rounding_makes_no_excess(count: int, total: int, share: float, *, more: bool) -> None:
    assert stats.is_more(count, total, share) is more


def test_the_tail_of_the_binomial_distribution_is_exact() -> None:
    by_hand = sum(math.comb(20, k) * 0.05**k * 0.95 ** (20 - k) for k in range(4, 21))
    assert stats.chance_of_at_least(4, 20, 0.05) == pytest.approx(by_hand)
    assert stats.chance_of_at_least(0, 20, 0.05) == 1.0
    assert stats.chance_of_at_least(1, 20, 0.0) == 0.0
    assert stats.chance_of_at_least(3, 3, 0.1) == pytest.approx(0.001)


def test_fishers_lady_and_her_tea() -> None:
    # All four cups right, of eight: 1 in 70 on each side.
    assert stats.chance_of_difference(4, 4, 0, 4) == pytest.approx(2 / 70)
    assert stats.chance_of_difference(5, 100, 5, 100) == pytest.approx(1.0)


def test_what_a_few_runs_that_all_hold_are_worth() -> None:
    assert stats.share_at_least(3, 3, 0.9) == pytest.approx(0.1 ** (1 / 3))
    assert stats.share_at_least(29, 29, 0.95) == pytest.approx(0.9, abs=0.003)  # the "rule of 29" of quality control
    assert stats.share_at_least(0, 5, 0.9) == 0.0
    assert 0 < stats.share_at_least(4, 5, 0.9) < stats.share_at_least(5, 5, 0.9)


def test_samples_that_do_not_overlap_are_not_of_one_distribution() -> None:
    low, high = [float(value) for value in range(10)], [float(value) for value in range(20, 30)]
    assert stats.chance_of_same(high, low) < 0.001
    assert stats.chance_of_same(high, low, greater=True) < 0.001
    assert stats.chance_of_same(low, high, greater=True) > 0.99
    assert stats.chance_of_same(low, low) == pytest.approx(1.0)


def test_the_shift_is_what_was_added_and_no_outlier_moves_it() -> None:
    usual = [1.0, 2.0, 3.0, 4.0, 5.0]
    assert stats.shift([value + 0.25 for value in usual], usual) == pytest.approx(0.25)
    assert stats.shift([*usual, 1000.0], usual) < 1


# --------------------------------------------------------------------------------------------------------------- trends


def test_a_straight_line_is_found_as_it_is() -> None:
    found = stats.trend([(10.0 + second, 5.0 + 0.5 * second) for second in range(20)])
    assert [found.slope, found.level] == pytest.approx([0.5, 5.0])
    assert found.points == 20
    assert found.chance < 1e-9


def test_a_few_wild_points_do_not_bend_the_line() -> None:
    samples = [(float(second), 0.1 * second + (100 if second in {3, 11} else 0)) for second in range(30)]
    assert stats.trend(samples).slope == pytest.approx(0.1, abs=0.01)


def test_what_never_changes_has_no_trend() -> None:
    found = stats.trend([(float(second), 7.0) for second in range(20)])
    assert (found.slope, found.level, found.chance) == (0.0, 7.0, 1.0)


def test_noise_is_seldom_taken_for_a_trend() -> None:
    dice = random.Random(7)
    series = [[(float(second), dice.random()) for second in range(40)] for _ in range(200)]
    alarms = sum(stats.trend(samples).chance < stats.SUSPICIOUS for samples in series)
    assert alarms <= 8  # 2 on average; more than 8 in one of ten thousand seeds


def test_the_floor_of_a_sawtooth_is_flat() -> None:
    samples = [(float(second), 100.0 + second % 10) for second in range(200)]
    floor = stats.envelope(samples, 20)
    assert [value for _, value in floor] == [100.0] * 20
    assert floor[0][0] == pytest.approx(199 / 20 / 2)


def test_the_floor_of_a_leaking_sawtooth_rises() -> None:
    samples = [(float(second), 100.0 + second % 10 + second / 10) for second in range(200)]
    found = stats.trend(stats.envelope(samples, 20))
    assert found.slope == pytest.approx(0.1, rel=0.05)
    assert found.chance < 1e-6


def test_parts_without_a_sample_are_left_out() -> None:
    assert len(stats.envelope([(0.0, 1.0), (100.0, 2.0)], 10)) == 2
    assert stats.envelope([], 10) == []
    assert [value for _, value in stats.envelope([(5.0, 1.0)], 10)] == [1.0]


def test_a_series_is_cut_where_a_process_began_anew() -> None:
    values = [100.0, 110, 120, 130, 20, 30, 40]
    samples = [(float(number), value) for number, value in enumerate(values)]
    assert [len(piece) for piece in stats.pieces(samples, 0.5, 2)] == [4, 3]
    teeth = [(float(number), value) for number, value in enumerate([100.0, 10] * 4)]
    assert [len(piece) for piece in stats.pieces(teeth, 0.5, 2)] == [8]
    assert stats.pieces([], 0.5, 2) == [[]]
