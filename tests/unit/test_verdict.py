"""Verdicts add up so that nothing red or unseen is lost, in whatever order they come."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfcheck.verdict import Outcome, Verdict, combine, failed, inconclusive, not_covered, passed, roll_up

PASS, FAIL, INCONCLUSIVE, NOT_COVERED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_COVERED
repeatable = settings(derandomize=True, database=None, deadline=None)
outcomes = st.lists(st.sampled_from(Outcome))
VERDICTS = {
    PASS: passed("fine"),
    FAIL: failed("this", "that", where="GET /x"),
    INCONCLUSIVE: inconclusive("this", "no data"),
    NOT_COVERED: not_covered("out of scope", "set X"),
}


@pytest.mark.parametrize(
    ("given_outcomes", "expected"),
    [
        ([], INCONCLUSIVE),
        ([NOT_COVERED], INCONCLUSIVE),
        ([PASS], PASS),
        ([PASS, NOT_COVERED], PASS),
        ([PASS, INCONCLUSIVE], INCONCLUSIVE),
        ([INCONCLUSIVE, FAIL, PASS], FAIL),
        ([NOT_COVERED, FAIL], FAIL),
    ],
)
def test_roll_up(given_outcomes: list[Outcome], expected: Outcome) -> None:
    assert roll_up(given_outcomes) is expected


@repeatable
@given(outcomes, outcomes)
def test_roll_up_can_be_done_in_parts(left: list[Outcome], right: list[Outcome]) -> None:
    if left and right:
        parts = [roll_up(part) for part in (left, right) if set(part) != {NOT_COVERED}]
        assert roll_up(parts) is roll_up(left + right)
    assert roll_up(left + right) is roll_up(right + left)
    assert roll_up(left + left) is roll_up(left)


@repeatable
@given(outcomes, st.sampled_from(Outcome))
def test_more_looking_never_makes_it_greener(seen: list[Outcome], further: Outcome) -> None:
    order = [PASS, INCONCLUSIVE, FAIL]
    if set(seen) - {NOT_COVERED}:
        assert order.index(roll_up([*seen, further])) >= order.index(roll_up(seen))


@repeatable
@given(st.permutations([*Outcome, *Outcome]))
def test_combine_does_not_depend_on_the_order(order: list[Outcome]) -> None:
    assert combine(VERDICTS[outcome] for outcome in order).outcome is FAIL


@pytest.mark.parametrize("pair", list(product(Outcome, repeat=2)), ids=str)
def test_combine_has_the_outcome_of_the_roll_up(pair: tuple[Outcome, Outcome]) -> None:
    expected = NOT_COVERED if set(pair) == {NOT_COVERED} else roll_up(pair)
    assert combine(VERDICTS[outcome] for outcome in pair).outcome is expected


def test_nothing_to_combine_is_not_green() -> None:
    assert combine([]).outcome is INCONCLUSIVE


def test_combine_shows_the_first_and_names_some_of_the_others() -> None:
    breaches = [failed("up", f"down on {name}", where=name) for name in "abcdef"]
    found = combine([passed("fine"), *breaches])
    assert (found.observed, found.where) == ("down on a", "a")
    assert found.notes == (
        "also: down on b (b)",
        "also: down on c (c)",
        "also: down on d (d)",
        "and 2 more of the same kind",
    )


def test_combine_keeps_each_note_once() -> None:
    found = combine([passed("a", notes=["odd"]), passed("b", notes=["odd", "strange"])])
    assert found == Verdict(PASS, observed="a", notes=("odd", "strange"))


def test_notes_can_be_added() -> None:
    assert passed("a", notes=["one"]).with_notes("two").notes == ("one", "two")
