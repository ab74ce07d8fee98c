"""Service levels: a breach fails, a missed target is remarked, and no data or too little traffic is neither."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import ValidationError

from checks import test_slo as slo
from selfcheck.clients.prometheus import QueryResult, Sample
from selfcheck.contract import load
from selfcheck.verdict import Outcome
from tests.unit.making import NOW, PLACE, promise

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def result(*values: float, labels: dict[str, str] | None = None, warnings: tuple[str, ...] = ()) -> QueryResult:
    return QueryResult("q", "GET q", tuple(Sample(labels or {}, value, NOW) for value in values), warnings=warnings)


@pytest.mark.parametrize(
    ("breach", "target", "found", "traffic", "outcome", "said", "notes"),
    [
        ({"above": 0.05}, {"below": 0.01}, result(0.0), 100, PASS, "0", 0),
        ({"above": 0.05}, {"below": 0.01}, result(0.05), 100, PASS, "0.05", 1),
        ({"above": 0.05}, {"below": 0.01}, result(0.0501), 100, FAIL, "0.0501", 0),
        ({"above": 0.05}, None, result(0.04), 100, PASS, "0.04", 0),
        ({"below": 50}, {"above": 95}, result(50.0), 100, PASS, "50", 1),
        ({"below": 50}, {"above": 95}, result(99.0, 49.0), 100, FAIL, "49", 0),
        ({"below": 50}, {"above": 95}, result(0.0), 100, FAIL, "0", 0),
        ({"below": 0.0}, None, result(-0.1), 100, FAIL, "-0.1", 0),
        ({"above": 0.05}, None, result(math.inf), 100, FAIL, "inf", 0),
        ({"above": 0.05}, None, result(math.inf, 0.0), 100, FAIL, "inf", 0),
        ({"above": 0.05}, None, result(), 100, INCONCLUSIVE, "no data; 100 requests lately", 0),
        ({"above": 0.05}, None, result(math.nan), 0, INCONCLUSIVE, "only nan; 0 requests lately", 0),
        ({"above": 0.05}, None, result(0.9), 4, INCONCLUSIVE, "too little traffic to judge: 4 requests lately", 0),
        ({"above": 0.05}, None, result(0.0), 4, INCONCLUSIVE, "at least 5 needed", 0),
        ({"above": 0.05}, None, result(0.0, warnings=("partial",)), 100, INCONCLUSIVE, "Prometheus warns: partial", 0),
    ],
)
def test_objective(
    breach: dict[str, float],
    target: dict[str, float] | None,
    found: QueryResult,
    traffic: float,
    outcome: Outcome,
    said: str,
    notes: int,
) -> None:
    made = promise(
        slo.Objective,
        query="q",
        unit="ratio",
        breach=breach,
        target=target,
        traffic={"query": "t", "window_seconds": 300, "minimum": 5},
    )
    verdict = slo.judge_objective(made, found, traffic, **PLACE)
    assert (verdict.outcome, said in verdict.observed, len(verdict.notes)) == (outcome, True, notes), verdict


@pytest.mark.parametrize(
    ("breach", "value", "share", "moves_by", "outcome"),
    [
        ({"above": 0.05}, 0.3, 0.9, 0.28, INCONCLUSIVE),
        ({"above": 0.05}, 0.3, 0.9, 0.2, FAIL),
        ({"above": 0.05}, 0.3, 0.4, 0.28, FAIL),
        ({"below": 0.95}, 0.7, 0.9, 0.28, INCONCLUSIVE),
        ({"below": 0.95}, 0.7, 0.9, 0.0, FAIL),
    ],
)
def test_what_the_run_itself_brought_about_is_no_breach(
    breach: dict[str, float], value: float, share: float, moves_by: float, outcome: Outcome
) -> None:
    made = promise(
        slo.Objective,
        query="q",
        unit="ratio",
        breach=breach,
        traffic={"query": "t", "window_seconds": 300, "minimum": 5},
    )
    broken = slo.judge_objective(made, result(value), 50, **PLACE)
    verdict = slo.judge_own(made, broken, result(value), slo.Own(share, moves_by))
    assert (broken.outcome, verdict.outcome) == (FAIL, outcome), verdict


def test_a_breach_names_the_series_and_the_unit() -> None:
    made = promise(
        slo.Objective,
        query="q",
        unit="seconds",
        breach={"above": 2},
        traffic={"query": "t", "window_seconds": 300, "minimum": 1},
    )
    verdict = slo.judge_objective(made, result(3.5, labels={"__name__": "q", "provider": "p"}), 10, **PLACE)
    assert (verdict.expected, verdict.observed) == ("q not above 2 s", '3.5 s for provider="p"')
    assert verdict.reproduce


@pytest.mark.parametrize("bound", [{}, {"above": 1, "below": 0}], ids=str)
def test_a_bound_has_one_side(bound: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="either `above` or `below`"):
        slo.Bound.model_validate(bound)


@pytest.mark.parametrize("made", load().promises("slo.objective", slo.Objective), ids=lambda made: made.id)
def test_the_threshold_of_each_objective_is_where_the_contract_has_it(made: slo.Objective) -> None:
    bound = made.breach.above if made.breach.above is not None else made.breach.below
    assert bound is not None
    step = 0.001 * (1 if made.breach.above is not None else -1)
    outcomes = [slo.judge_objective(made, result(bound + far), 1000, **PLACE).outcome for far in (-step, 0.0, step)]
    assert outcomes == [PASS, PASS, FAIL]
    assert slo.judge_objective(made, result(), 1000, **PLACE).outcome is INCONCLUSIVE
