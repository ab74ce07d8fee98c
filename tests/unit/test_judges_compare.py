"""Comparing vectors: every law of the cosine has a case that breaks it, and what was not answered is never green."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from checks import test_compare as compare
from checks.test_compare import Asked, How, Question, Refused, Seen
from selfcheck import vectors
from selfcheck.contract import load
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.plugin import import_checks
from selfcheck.vectors import Case, Shape, cosine, generate
from selfcheck.verdict import Outcome, passed
from tests.unit.making import answer, promise
from tools import explore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PASS, FAIL = Outcome.PASS, Outcome.FAIL
INCONCLUSIVE, NOT_COVERED = Outcome.INCONCLUSIVE, Outcome.NOT_COVERED

import_checks()
PLAN = load().promises("compare.answered", compare.Answered)[0].plan
SHAPE = PLAN.shape
CASES = (
    Case(left=(3.0, 4.0, 0.0), right=(-4.0, 3.0, 12.0), factor=0.5),
    Case(left=(1.0, 2.0), right=(-1.0, -2.5), factor=20.0),
)
LOST = CouldNotObserve(Trouble.TIMED_OUT, asked="POST http://platform/compare", came_back="no answer", hint="look")
NOT_FOUND = {"detail": {"code": "DATA_NOT_FOUND", "message": "it is not there"}}


def body(question: Question, score: float | None = None) -> dict[str, Any]:
    score = cosine(question.query, question.candidate) if score is None else score
    return {
        "score": score,
        "similarity": score,
        "feature_distance": 1 - score,
        "method": "cosine",
        "dimension": len(question.query),
        "reference_id": question.id,
    }


def right() -> Seen:
    """What is seen of a platform that compares rightly."""
    asked = []
    for case in CASES:
        for how in How:
            pairs = {How.SWAPPED: (case.left, case.right), How.ITSELF: (case.left, case.left)}
            pairs[How.REPLACED] = pairs[How.ITSELF]
            query, candidate = pairs.get(how, (case.scaled if how is How.SCALED else case.right, case.left))
            question = Question(case, how, query, candidate, f"id-{how}", "one" if how is How.REPLICA else "")
            asked.append(Asked(question, answer(body(question)), "curl"))
    gone = tuple(replace(each, answer=answer(NOT_FOUND, status=404)) for each in asked[:2])
    return Seen(tuple(asked), about="2 cases", gone=gone)


def changed(change: Callable[[Asked], Any], *hows: How) -> Seen:
    """What is seen when some comparisons (all, when none is named) are answered in another way."""
    found = right()
    asked = [
        replace(each, answer=change(each)) if not hows or each.question.how in hows else each for each in found.asked
    ]
    return replace(found, asked=tuple(asked))


def rescored(change: Callable[[Asked, float], float], *hows: How) -> Seen:
    def another(asked: Asked) -> object:
        return answer(body(asked.question, change(asked, cosine(asked.question.query, asked.question.candidate))))

    return changed(another, *hows)


def status(number: int, content: object = b"") -> Callable[[Asked], object]:
    return lambda _: answer(content, status=number)


def law(name: str) -> compare.Law:
    return promise(compare.Law, plan=PLAN, law=name, score="score", tolerance=1e-4)


@pytest.mark.parametrize(
    "name", ["cosine", "itself", "swapped", "scaled", "other_route", "registered_later", "again", "replicas"]
)
def test_a_cosine_obeys_every_law(name: str) -> None:
    verdict = compare.judge_law(law(name), right())
    assert verdict.outcome is PASS
    assert "comparisons of 2 cases" in verdict.observed


@pytest.mark.parametrize(
    ("name", "found", "said"),
    [
        ("cosine", rescored(lambda _, score: score + 2e-4), "(the cosine)"),
        ("cosine", rescored(lambda _, score: max(0.0, score)), "score is 0, not -0.99654"),
        ("cosine", rescored(lambda _, score: score + 2e-4, How.REPLICA), "in 2 of 14 comparisons"),
        ("itself", rescored(lambda *_: 0.999, How.ITSELF), "score is 0.999, not 1"),
        ("swapped", rescored(lambda _, score: score / 2, How.SWAPPED), str(How.SWAPPED)),
        ("scaled", rescored(lambda each, score: score * each.question.case.factor, How.SCALED), str(How.SCALED)),
        ("scaled", changed(status(400, {"detail": {}}), How.SCALED), "HTTP 400"),
        ("other_route", rescored(lambda *_: 0.5, How.OTHER_ROUTE), "score is 0.5, not"),
        ("other_route", changed(status(500), How.OTHER_ROUTE), "HTTP 500"),
        ("registered_later", rescored(lambda *_: 0.5, How.TWIN), "score is 0.5, not"),
        ("again", rescored(lambda *_: 0.5, How.AGAIN), "(as when compared)"),
        ("again", rescored(lambda *_: math.nan, How.AGAIN), "score is nan"),
        ("again", changed(lambda _: answer({"similarity": 1}), How.AGAIN), "score is missing, not a number"),
        ("replicas", changed(status(404, NOT_FOUND), How.REPLICA), "HTTP 404"),
        ("replaced", rescored(lambda *_: 0.0, How.REPLACED), "score is 0, not 1"),
        ("replaced", changed(status(500), How.REPLACED), "HTTP 500"),
    ],
)
def test_a_broken_law(name: str, found: Seen, said: str) -> None:
    verdict = compare.judge_law(law(name), found)
    assert (verdict.outcome, said in verdict.observed, verdict.reproduce) == (FAIL, True, "curl"), verdict
    assert verdict.expected == "score within 0.0001"


def test_the_smallest_case_is_shown_in_full() -> None:
    verdict = compare.judge_law(law("cosine"), rescored(lambda _, score: score - 0.5))
    assert "query [-1.0, -2.5], candidate [1.0, 2.0], compared" in verdict.observed


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("cosine", changed(lambda _: LOST, How.AGAIN)),
        ("cosine", changed(status(500), How.FIRST)),
        ("again", changed(status(500), How.FIRST)),
        ("again", changed(lambda _: LOST, How.AGAIN)),
        ("replicas", changed(status(429), How.REPLICA)),
    ],
)
def test_what_was_not_answered_obeys_no_law(name: str, found: Seen) -> None:
    with pytest.raises(CouldNotObserve):
        compare.judge_law(law(name), found)


def test_replicas_that_cannot_be_asked_are_not_covered() -> None:
    found = replace(right(), asked=tuple(right().of(How.FIRST)))
    verdict = compare.judge_law(law("replicas"), found)
    assert (verdict.outcome, "SELF_CHECK_PROMETHEUS_URL" in verdict.remedy) == (NOT_COVERED, True)


@pytest.mark.parametrize("refusal", [status(404, {"detail": "Not Found"}), status(405)])
def test_another_route_that_does_not_exist_is_not_covered(refusal: Callable[[Asked], object]) -> None:
    with pytest.raises(CouldNotObserve) as caught:
        compare.judge_law(law("other_route"), changed(refusal, How.OTHER_ROUTE))
    assert (caught.value.trouble, "api.toml" in caught.value.hint) == (Trouble.NO_SUCH_ROUTE, True)
    with pytest.raises(CouldNotObserve, match="does not serve"):
        compare.judge_answered(promise(compare.Answered, plan=PLAN), changed(refusal))


@pytest.mark.parametrize(
    ("found", "outcome", "said"),
    [
        (right(), PASS, "18 comparisons of 2 cases"),
        (changed(status(500), How.SWAPPED), FAIL, "HTTP 500"),
        (changed(status(404, NOT_FOUND), How.REPLICA), FAIL, "DATA_NOT_FOUND"),
        (changed(status(404, NOT_FOUND)), FAIL, "DATA_NOT_FOUND"),
        (changed(lambda _: answer(b"<html>"), How.FIRST), FAIL, "not JSON"),
        (changed(status(429), How.FIRST), INCONCLUSIVE, "HTTP 429"),
        (changed(lambda _: LOST, How.FIRST), INCONCLUSIVE, "no answer"),
        (changed(status(500), How.OTHER_ROUTE), PASS, "comparisons"),
    ],
)
def test_answered(found: Seen, outcome: Outcome, said: str) -> None:
    verdict = compare.judge_answered(promise(compare.Answered, plan=PLAN), found)
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict


def having(**fields: object) -> Seen:
    return changed(lambda each: answer({**body(each.question), **fields}))


def lacking(field: str) -> Seen:
    return changed(lambda each: answer({k: v for k, v in body(each.question).items() if k != field}))


NUMBER = {"type": "number", "minimum": -1, "maximum": 1}


@pytest.mark.parametrize(
    ("fields", "found", "outcome", "said"),
    [
        ({"field": "score", "domain": NUMBER}, right(), PASS, "score: number >= -1 <= 1"),
        ({"field": "score", "domain": NUMBER}, having(score=1.01), FAIL, "above 1"),
        ({"field": "score", "domain": NUMBER}, having(score="1"), FAIL, "not number"),
        ({"field": "score", "domain": NUMBER}, having(score=math.nan), FAIL, "not a finite number"),
        ({"field": "score", "domain": NUMBER}, lacking("score"), FAIL, "score is missing"),
        ({"field": "similarity", "same_as": "score"}, right(), PASS, "the same as score"),
        ({"field": "similarity", "same_as": "score"}, having(similarity=0.5), FAIL, "similarity is 0.5, and score is"),
        ({"field": "similarity", "same_as": "score"}, lacking("score"), FAIL, "score is missing"),
        ({"field": "feature_distance", "one_minus": "score"}, right(), PASS, "1 - score"),
        ({"field": "feature_distance", "one_minus": "score"}, having(feature_distance=True), FAIL, "is True"),
        ({"field": "reference_id", "is_the": "candidate"}, right(), PASS, "the candidate"),
        ({"field": "reference_id", "is_the": "candidate"}, having(reference_id="x"), FAIL, 'is "x", not "id-compared"'),
        ({"field": "dimension", "is_the": "dimension"}, having(dimension=4), FAIL, "dimension is 4, not 2"),
        ({"field": "method", "domain": {"type": "string", "pattern": ".+"}}, having(method=""), FAIL, 'method is ""'),
    ],
)
def test_value(fields: dict[str, Any], found: Seen, outcome: Outcome, said: str) -> None:
    verdict = compare.judge_value(promise(compare.Value, plan=PLAN, tolerance=1e-4, **fields), found)
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict


def test_a_value_of_answers_that_did_not_come_is_not_judged() -> None:
    with pytest.raises(CouldNotObserve, match="HTTP 500"):
        compare.judge_value(
            promise(compare.Value, plan=PLAN, tolerance=1e-4, field="score"), changed(status(500), How.AGAIN)
        )


def gone(*answers: object) -> Seen:
    return replace(right(), gone=tuple(replace(right().asked[0], answer=each) for each in answers))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "outcome", "said"),
    [
        (right(), PASS, "2 answers say so"),
        (
            replace(right(), left_behind=("vector id-1: HTTP 500",), gone=()),
            FAIL,
            "could not be removed: vector id-1: HTTP 500",
        ),
        (
            gone(answer(NOT_FOUND, status=404), answer({"score": 1})),
            FAIL,
            "id-compared was removed, and then: HTTP 200",
        ),
        (gone(answer({"detail": "gone"}, status=404)), FAIL, "detail.code is missing"),
        (gone(answer(status=429)), INCONCLUSIVE, "no answer that tells"),
        (gone(LOST), INCONCLUSIVE, "no answer that tells"),
        (replace(right(), unregistered=(LOST,)), INCONCLUSIVE, "1 could not be registered: no answer"),
    ],
)
def test_removal(found: Seen, outcome: Outcome, said: str) -> None:
    verdict = compare.judge_removal(promise(compare.Removal, plan=PLAN, gone="DATA_NOT_FOUND"), found)
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict


def refusal(**fields: Any) -> compare.Refusal:
    known = {"act": "compare", "candidate": [3.0, 4.0], "query": [4.0, 3.0], "score": "score", "tolerance": 1e-4}
    return promise(compare.Refusal, plan=PLAN, **{**known, "refused": {"400": ["INVALID"], "422": []}, **fields})


@pytest.mark.parametrize(
    ("fields", "found", "outcome", "said"),
    [
        ({}, answer({"detail": {"code": "INVALID"}}, status=400), PASS, "HTTP 400"),
        ({}, answer(b"whatever", status=422), PASS, "HTTP 422"),
        ({}, answer({"detail": {"code": "OTHER"}}, status=400), FAIL, 'HTTP 400, detail.code is "OTHER"'),
        ({}, answer({"detail": "no"}, status=400), FAIL, "detail.code is missing"),
        ({}, answer(b"<html>", status=400), FAIL, "not JSON"),
        ({}, answer({"score": 0.96}), FAIL, "HTTP 200"),
        ({}, answer(status=500), FAIL, "HTTP 500"),
        ({}, answer(status=429), INCONCLUSIVE, "too many requests"),
        ({}, LOST, INCONCLUSIVE, "no answer"),
        ({"unless": "right"}, answer({"score": 0.96}), PASS, "HTTP 200"),
        ({"unless": "right"}, answer({"score": 0.9}), FAIL, "score is 0.9, the cosine is 0.96"),
        ({"unless": "right"}, answer(status=500), FAIL, "HTTP 500"),
        ({"unless": "finite"}, answer({"score": 0}), PASS, "HTTP 200"),
        ({"unless": "finite"}, answer({"score": math.nan}), FAIL, "NaN"),
        ({"unless": "finite"}, answer({"score": None}), FAIL, "null"),
        ({"times": 100}, answer(status=500), FAIL, "(a vector of 200 numbers)"),
    ],
)
def test_refusal(fields: dict[str, Any], found: Any, outcome: Outcome, said: str) -> None:
    verdict = compare.judge_refusal(refusal(**fields), [Refused(found, "curl")])
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict
    assert outcome is PASS or verdict.expected.startswith("HTTP 400 with detail.code = INVALID, or HTTP 422")


def test_a_route_that_does_not_exist_refuses_nothing() -> None:
    absent = Refused(answer({"detail": "Not Found"}, status=404), absent=True)
    good = Refused(answer(status=422))
    assert compare.judge_refusal(refusal(), [good, absent]).outcome is PASS
    with pytest.raises(CouldNotObserve, match="does not serve"):
        compare.judge_refusal(refusal(), [absent])


@pytest.mark.parametrize(
    ("found", "outcome", "said"),
    [
        (answer({"detail": {"code": "A", "message": "b"}}, status=400), PASS, "detail.message"),
        (answer({"detail": {"code": "A", "message": ""}}, status=404), FAIL, 'detail.message is ""'),
        (answer({"detail": {"code": "A"}}, status=404), FAIL, "detail.message is missing"),
        (answer({"detail": "no"}, status=404), FAIL, "detail.code is missing"),
        (answer(b"<html>", status=400), FAIL, "not JSON"),
        (answer({"detail": []}, status=422), INCONCLUSIVE, "nothing was looked at"),
    ],
)
def test_envelope(found: Any, outcome: Outcome, said: str) -> None:
    fields = {"detail.code": {"type": "string"}, "detail.message": {"type": "string", "pattern": ".+"}}
    made = promise(compare.Envelope, plan=PLAN, statuses=[400, 404], fields=fields)
    verdict = compare.judge_envelope(made, [Refused(found, "curl"), Refused(LOST)])
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict


def test_the_triage_begins_with_sustained_traffic() -> None:
    made = load().promises("compare.triage", compare.Triage)[0]
    assert compare.judge_triage(made, passed("0.1"), made.traffic.minimum).outcome is PASS
    verdict = compare.judge_triage(made, passed("0.1"), made.traffic.minimum - 1)
    assert (verdict.outcome, "too few for a triage" in verdict.observed) == (NOT_COVERED, True)


# ---------------------------------------------------------------------------------------------------- cases and cosines


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ((3.0, 4.0), (4.0, 3.0), 0.96),
        ((1.0,), (-7.0,), -1.0),
        ((1e308, 1e308), (1e308, -1e308), 0.0),
        ((1e-308, 0.0), (1e308, 1e308), math.sqrt(0.5)),
        ((5e-324, 0.0), (5e-324, 0.0), 1.0),
    ],
)
def test_cosine(left: tuple[float, ...], right: tuple[float, ...], expected: float) -> None:
    assert cosine(left, right) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_cases_are_of_their_kind_and_size(seed: int) -> None:
    shape = SHAPE.model_copy(update={"seed": seed, "count": 8, "dimension_long": None})
    made = generate(shape)
    assert made == generate(shape)
    assert [case.kind for case in made] == [*vectors.KINDS] * 2
    for case in made:
        numbers = [abs(value) for value in (*case.left, *case.right, *case.scaled) if value]
        assert shape.magnitude_min * 0.99 <= min(numbers) <= max(numbers) <= shape.magnitude_max * 5
        angle = cosine(case.left, case.right)
        if case.kind == "orthogonal":
            assert angle == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_every_part_of_a_long_case_counts(seed: int) -> None:
    made = generate(SHAPE.model_copy(update={"seed": seed, "dimension_long": 1024}))
    long = made[-1]
    assert [case.kind for case in made] == [*vectors.KINDS[1 : len(made)], vectors.KINDS[0]]
    assert [len(case.left) > SHAPE.dimension_max for case in made] == [False] * (len(made) - 1) + [True]
    assert len(long.left) == len(long.right) == 1024
    for kept in (64, 256, 512, 1000, 1023):
        assert abs(cosine(long.left, long.right) - cosine(long.left[:kept], long.right[:kept])) > 0.01


def test_a_shape_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="1000 times"):
        Shape(seed=1, count=1, dimension_max=4, magnitude_min=1, magnitude_max=10)


def test_saved_cases_are_read_again(tmp_path: Path) -> None:
    path = tmp_path / "examples" / "compare.json"
    assert vectors.saved(path) == ()
    for case in (*CASES, CASES[0]):
        vectors.save(path, case)
    assert vectors.saved(path) == CASES


@pytest.mark.parametrize(
    "text", ["{", json.dumps([{"left": [0.0], "right": [1.0]}]), '[{"left": [1], "right": [1, 2]}]']
)
def test_saved_cases_that_make_no_sense_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "compare.json").write_text(text, encoding="utf-8")
    with pytest.raises(CouldNotObserve, match=r"compare\.json: the saved cases cannot be read"):
        vectors.saved(tmp_path / "compare.json")


def test_the_contracts_examples_can_be_read() -> None:
    assert isinstance(vectors.saved(load().folder / PLAN.examples), tuple)


# -------------------------------------------------------------------------------------------------------------- explore


def test_exploring_makes_what_it_finds_small() -> None:
    def look(case: Case) -> str:
        return "compare.cosine" if len(case.left) >= 3 and cosine(case.left, case.right) < 0 else ""

    found = explore.search(look, SHAPE, seed=1, cases_max=100)
    assert found is not None
    assert (len(found.left), look(found)) == (3, "compare.cosine")


def test_exploring_ends_when_it_is_over() -> None:
    looked: list[Case] = []

    def look(case: Case) -> str:
        looked.append(case)
        if len(looked) == 7:
            raise explore.Over
        return ""

    assert explore.search(look, SHAPE, seed=1) is None
    assert len(looked) == 7


# ------------------------------------------------------------------------------------- registering again, and how many


@pytest.mark.parametrize(
    ("replacing", "outcome"),
    [
        (None, NOT_COVERED),
        (answer({}, status=409), NOT_COVERED),
        (answer(b"", status=500), FAIL),
        (LOST, INCONCLUSIVE),
    ],
)
def test_an_id_may_be_registered_once(replacing: Any, outcome: Outcome) -> None:
    found = replace(right(), asked=tuple(right().of(How.FIRST)), replacing=replacing)
    assert compare.judge_law(law("replaced"), found).outcome is outcome


@pytest.mark.parametrize("vector", [(1.0, 2.0), (0.0, -3.0), (3.0, 0.0, 4.0), (1e-6, 0.0, 0.0)])
def test_another_vector_is_at_right_angles(vector: tuple[float, ...]) -> None:
    assert abs(cosine(compare.turned(vector), vector)) < 1e-9


def total(number: object) -> Any:
    return answer({"vector_store": {"total": number}})


@pytest.mark.parametrize(
    ("numbers", "again", "outcome", "said"),
    [
        ((4, 12, 4), None, PASS, "then 12 with 8 more"),
        ((4, 4, 4), 4, FAIL, "then 4 with 8 more"),
        ((4, 12, 12), 12, FAIL, "then 12 without them"),
        ((4, 20, 4), 4, FAIL, "then 20"),
        ((4, 4, 4), 5, NOT_COVERED, "others register"),
        ((4, 13, 5), 5, NOT_COVERED, "others register"),
        ((4, 12, 3), 3, NOT_COVERED, "others register"),
        ((4, None, 4), 4, NOT_COVERED, "no number"),
    ],
)
def test_the_number_of_vectors(numbers: tuple[object, ...], again: object, outcome: Outcome, said: str) -> None:
    before, there, left = map(total, numbers)
    totals = compare.Totals(8, before, there, left, None if again is None else total(again))
    verdict = compare.judge_totals(PLAN, totals, where="GET x", reproduce="curl x")
    assert (verdict.outcome, said in verdict.observed) == (outcome, True)


def test_a_number_of_vectors_that_cannot_be_read() -> None:
    totals = compare.Totals(8, LOST, total(1), total(1))
    assert compare.judge_totals(PLAN, totals, where="", reproduce="").outcome is INCONCLUSIVE


@pytest.mark.parametrize(
    ("registered", "compared", "outcome", "said"),
    [
        (answer({}, status=422), None, PASS, "refused"),
        (answer(b"", status=500), None, FAIL, "HTTP 500"),
        (answer({}), answer(NOT_FOUND, status=404), PASS, "of no consequence"),
        (answer({}), answer({"score": 0.5}), PASS, "score = 0.5"),
        (answer({}), answer(b'{"score": NaN}'), FAIL, "accepted"),
        (answer({}), answer({"score": None}), FAIL, "score = None"),
        (answer({}), answer(b"", status=500), FAIL, "accepted, and a comparison with it: HTTP 500"),
        (LOST, None, INCONCLUSIVE, "no answer"),
        (answer({}, status=429), None, INCONCLUSIVE, "HTTP 429"),
    ],
)
def test_what_is_no_vector_is_registered(registered: Any, compared: Any, outcome: Outcome, said: str) -> None:
    made = load().promises("compare.registration", compare.Registration)[0]
    verdict = compare.judge_registration(made, compare.Registered(registered, compared, "curl"))
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict


@pytest.mark.parametrize(("replicas", "cases"), [(1, 2), (3, 2), (3, 5), (10, 2), (10, 5), (40, 3)])
def test_each_replica_is_asked_for_a_case_and_many_for_few(replicas: int, cases: int) -> None:
    every: list[tuple[str, str | None]] = [(str(number), None) for number in range(replicas)]
    asked = [place for number in range(cases) for place in compare.share(every, number, cases)]
    assert set(asked) == set(every)
    assert len(asked) <= max(3 * cases, replicas + cases)


def test_a_removal_that_is_repeated_may_be_refused_and_not_fail() -> None:
    made = promise(compare.Removal, plan=PLAN, gone="DATA_NOT_FOUND")
    gone = (Asked(right().asked[0].question, answer(NOT_FOUND, status=404)),)
    fine, wrong = (replace(right(), gone=gone, removed_again=answer({}, status=status)) for status in (404, 500))
    assert compare.judge_removal(made, fine).outcome is PASS
    assert compare.judge_removal(made, wrong).outcome is FAIL


@pytest.mark.parametrize(
    ("status", "outcome", "said"),
    [
        (200, PASS, "removed"),
        (404, FAIL, "was gone after the removal of its beginning with *"),
        (429, PASS, "removed"),
    ],
)
def test_ids_are_no_patterns(status: int, outcome: Outcome, said: str) -> None:
    made = promise(compare.Removal, plan=PLAN, gone="DATA_NOT_FOUND")
    question = right().asked[0].question
    found = replace(
        right(),
        gone=(Asked(question, answer(NOT_FOUND, status=404)),),
        patterned=Asked(question, answer({}, status=status)),
    )
    verdict = compare.judge_removal(made, found)
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict
