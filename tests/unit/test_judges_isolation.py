"""The judges of isolation: they see what belongs to another, and bear whatever a healthy platform may do."""

from __future__ import annotations

import functools
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from checks import test_isolation as isolation
from selfcheck.contract import load
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.verdict import Outcome, Verdict
from tests.unit.making import PLACE, answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from selfcheck.clients.http import Answer
    from selfcheck.contract import Promise

PASS, FAIL, INCONCLUSIVE, NOT_COVERED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_COVERED
NOTHING = CouldNotObserve(Trouble.TIMED_OUT, asked="POST /x", came_back="nothing for 10 s", hint="look")
REFUSED = {"success": False, "code": "INPUT_ERROR", "error": "not a drawing"}
FLANGE = {"success": True, "provider": "paddle", "dimensions": [1], "symbols": [], "title_block": {"title": "FLANGE"}}
BRACKET = {**FLANGE, "dimensions": [2], "title_block": {"title": "BRACKET"}}
READY = {"results": [{"domain": "ocr", "provider": "paddle", "ready": True, "error": None}]}
NOT_READY = {"results": [{"domain": "ocr", "provider": "paddle", "ready": False, "error": "errors"}]}
HEALTH = {"status": "healthy", "services": {"ml": "up"}}
contract = functools.cache(load)
"""The default contract, read once."""


def of_contract(kind: str, model: type[Promise], promise_id: str) -> Any:
    """Take a promise from the default contract."""
    return next(found for found in contract().promises(kind, model) if found.id == promise_id)


def check(verdict: Verdict, outcome: Outcome, said: str = "") -> None:
    """Hold a verdict against what it should be: a breach always says what was observed, where, and how to see it."""
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict
    if outcome is FAIL:
        assert verdict.expected
        assert verdict.where
        assert verdict.reproduce
    if outcome is NOT_COVERED:
        assert verdict.remedy


# ------------------------------------------------------------------------------------------------------------ bad input


def bad_input() -> Any:
    """The promise about breakers; the others of its kind have the same fields."""
    return of_contract("isolation.bad_input", isolation.BadInput, "isolation.bad_input_opens_no_breaker")


def scene(breakers: Any = None, *, providers: object = READY, health: object = HEALTH, ready: int = 200) -> Any:
    """Make a moment; healthy unless the case says otherwise."""
    pages = {
        "providers_health": providers if isinstance(providers, CouldNotObserve) else answer(providers),
        "health": answer(health),
        "ready": answer({"ready": ready == 200, "status": "x"}, status=ready),
    }
    return isolation.Scene({"a": 0.0} if breakers is None else breakers, pages)


def storm(**changes: Any) -> isolation.Storm:
    """Make what happened; all is well unless the case says otherwise."""
    made = bad_input()
    goods = {series.good: answer(FLANGE) for series in made.series}
    usual: dict[str, Any] = {
        "before": scene(),
        "after": scene(),
        "good_before": goods,
        "good_after": goods,
        "bad": {series.bad: [answer(REFUSED)] * made.times for series in made.series},
        "other": answer(FLANGE),
    }
    return isolation.Storm(**{**usual, **changes})


@pytest.mark.parametrize(
    ("before", "after", "outcome", "said"),
    [
        ({"a": 0.0}, {"a": 0.0}, PASS, "1 breakers as before"),
        ({}, {}, PASS, ""),
        ({}, {"a": 0.0}, PASS, ""),
        ({"a": 0.0}, {"a": 2.0}, FAIL, "a from 0 to 2"),
        ({"a": 0.0}, {"a": 1.0}, FAIL, "a from 0 to 1"),
        ({}, {"a": 2.0}, FAIL, "a from 0 to 2"),
        ({"a": 0.0, "b": 0.0}, {"a": 0.0, "b": 2.0}, FAIL, "b from 0 to 2"),
        # It was open before: nobody knows why.
        ({"a": 2.0}, {"a": 2.0}, PASS, ""),
        ({"a": 2.0}, {"a": 1.0}, PASS, ""),
        (NOTHING, {"a": 2.0}, INCONCLUSIVE, "nothing for 10 s"),
        ({"a": 0.0}, NOTHING, INCONCLUSIVE, "nothing for 10 s"),
    ],
    ids=str,
)
def test_breakers(before: Any, after: Any, outcome: Outcome, said: str) -> None:
    happened = storm(before=scene(before), after=scene(after))
    check(isolation.judge_breakers(bad_input(), happened, **PLACE), outcome, said)


def test_pages_without_breakers_tell_nothing() -> None:
    nowhere = isolation.Scene(None, {})
    check(isolation.judge_breakers(bad_input(), storm(after=nowhere), **PLACE), NOT_COVERED, "ocr_circuit_state")


@pytest.mark.parametrize(
    ("before", "after", "outcome", "said"),
    [
        (READY, READY, PASS, "1 providers ready"),
        (READY, NOT_READY, FAIL, "paddle is not ready any more"),
        (READY, {"results": []}, FAIL, "paddle is not ready any more"),
        (NOT_READY, NOT_READY, NOT_COVERED, "no provider was ready"),
        ({}, {}, NOT_COVERED, "no provider was ready"),
        (READY, NOTHING, INCONCLUSIVE, "nothing for 10 s"),
    ],
    ids=str,
)
def test_providers(before: object, after: object, outcome: Outcome, said: str) -> None:
    happened = storm(before=scene(providers=before), after=scene(providers=after))
    check(isolation.judge_providers(bad_input(), happened, **PLACE), outcome, said)


@pytest.mark.parametrize(
    ("after", "outcome", "said"),
    [
        ({}, PASS, "as before"),
        ({"health": {**HEALTH, "timestamp": "later"}}, PASS, ""),
        ({"health": {**HEALTH, "status": "degraded"}}, FAIL, 'status was "healthy" and is "degraded"'),
        ({"health": {**HEALTH, "services": {"ml": "down"}}}, FAIL, "services was"),
        ({"ready": 503}, FAIL, "ready: HTTP 200 and then HTTP 503"),
    ],
    ids=str,
)
def test_pages(after: dict[str, Any], outcome: Outcome, said: str) -> None:
    check(isolation.judge_pages(bad_input(), storm(after=scene(**after)), **PLACE), outcome, said)


@pytest.mark.parametrize(
    ("before", "after", "outcome", "said"),
    [
        (answer(FLANGE), answer(FLANGE), PASS, "took 0.01 s"),
        (answer(FLANGE), answer({**REFUSED, "code": "CIRCUIT_OPEN"}), FAIL, "success = False"),
        (answer(FLANGE), answer(FLANGE, status=500), FAIL, "HTTP 500"),
        (answer(FLANGE), answer(FLANGE, seconds=3.0), FAIL, "3.00 s"),
        (answer(FLANGE, seconds=1.0), answer(FLANGE, seconds=3.0), PASS, ""),
        (answer(FLANGE), answer(FLANGE, seconds=0.9), PASS, ""),
        (answer(FLANGE), NOTHING, INCONCLUSIVE, "nothing for 10 s"),
        (answer(FLANGE), answer({}, status=429), INCONCLUSIVE, "too many requests"),
        (answer(REFUSED), answer(REFUSED), NOT_COVERED, "before anything bad was sent"),
        (answer({}, status=401), answer({}, status=401), NOT_COVERED, "HTTP 401"),
        (answer({}, status=404), answer({}, status=404), NOT_COVERED, "HTTP 404"),
        (answer({}, status=502), answer({}, status=502), FAIL, "HTTP 502"),
        (NOTHING, NOTHING, INCONCLUSIVE, "nothing for 10 s"),
    ],
    ids=str,
)
def test_next_request(before: Any, after: Any, outcome: Outcome, said: str) -> None:
    made = bad_input()
    acts = contract().acts
    vision = "vision_of_a_drawing"
    happened = storm(
        good_before={"ocr_by_one_provider": before, vision: answer(FLANGE)},
        good_after={"ocr_by_one_provider": after, vision: answer(FLANGE)},
    )
    check(isolation.judge_next(made, happened, acts, **PLACE), PASS if outcome is NOT_COVERED else outcome)
    alone = made.model_copy(update={"series": made.series[:1]})
    check(isolation.judge_next(alone, happened, acts, **PLACE), outcome, said)


@pytest.mark.parametrize(
    ("other", "outcome", "said"),
    [
        (answer(FLANGE), PASS, "was served"),
        (answer(REFUSED), FAIL, "success = False"),
        (answer({}, status=503), FAIL, "HTTP 503"),
        (answer({}, status=401), NOT_COVERED, "HTTP 401"),
        (answer({}, status=429), INCONCLUSIVE, "HTTP 429"),
        (NOTHING, INCONCLUSIVE, "nothing for 10 s"),
    ],
    ids=str,
)
def test_others(other: Any, outcome: Outcome, said: str) -> None:
    act = contract().act("ocr_by_one_provider")
    check(isolation.judge_others(bad_input(), storm(other=other), act, **PLACE), outcome, said)


@pytest.mark.parametrize(
    ("got", "outcome", "said"),
    [
        (answer(REFUSED), PASS, ""),
        (answer({}, status=400), PASS, ""),
        (answer({}, status=422), PASS, ""),
        (answer(FLANGE), NOT_COVERED, "0 of 7 ocr_of_no_drawing_by_one_provider were refused"),
        (answer({}, status=401), NOT_COVERED, "0 of 7"),
        (answer({}, status=500), NOT_COVERED, "0 of 7"),
        (answer({}, status=429), INCONCLUSIVE, "0 of 7"),
        (NOTHING, INCONCLUSIVE, "0 of 7"),
    ],
    ids=str,
)
def test_bad_input_that_was_not_refused_proves_nothing(got: Any, outcome: Outcome, said: str) -> None:
    bad = {series.bad: [got] * 7 for series in bad_input().series}
    check(isolation.judge_breakers(bad_input(), storm(bad=bad), **PLACE), outcome, said)


def test_one_kind_of_bad_input_is_enough() -> None:
    bad = {**storm().bad, "vision_of_no_image": [answer(FLANGE)] * 7}
    verdict = isolation.judge_breakers(bad_input(), storm(bad=bad), **PLACE)
    assert (verdict.outcome, verdict.notes) == (PASS, ("0 of 7 vision_of_no_image were refused",))


# ----------------------------------------------------------------------------------------------------------- own answer


def own_answer(name: str = "isolation.idempotent_repeat") -> Any:
    """A promise about one's own answer."""
    return of_contract("isolation.own_answer", isolation.OwnAnswer, name)


@pytest.mark.parametrize(
    ("first", "again", "outcome", "said"),
    [
        (answer(FLANGE), answer({**FLANGE, "cached": True, "processing_time_ms": 1}), PASS, "are the same"),
        (answer(FLANGE), answer({**FLANGE, "dimensions": []}), FAIL, "dimensions: [1] and then []"),
        (answer(FLANGE), answer({"success": True}), FAIL, "dimensions"),
        (answer(FLANGE), answer(REFUSED), FAIL, "the second time: HTTP 200"),
        (answer(FLANGE), answer({"detail": "used"}, status=409), FAIL, "the second time: HTTP 409"),
        (answer(FLANGE), answer({}, status=500), FAIL, "HTTP 500"),
        (answer(FLANGE), NOTHING, INCONCLUSIVE, "nothing for 10 s"),
        (answer(REFUSED), answer(REFUSED), NOT_COVERED, "was not read"),
        (answer({}, status=401), answer({}, status=401), NOT_COVERED, "HTTP 401"),
    ],
    ids=str,
)
def test_same_answer(first: Any, again: Any, outcome: Outcome, said: str) -> None:
    asked = {"first": first, "again": again}
    check(isolation.judge_same_answer(own_answer(), asked, **PLACE), outcome, said)


@pytest.mark.parametrize(
    ("alone", "got", "may_refuse", "outcome", "said"),
    [
        (BRACKET, answer(BRACKET), True, PASS, "its own content"),
        (BRACKET, answer({**BRACKET, "dimensions": [2.0001]}), True, PASS, ""),
        (BRACKET, answer(FLANGE), True, FAIL, "the first file's: dimensions = [1]; title_block"),
        (BRACKET, answer({**BRACKET, "dimensions": [1]}), False, FAIL, "the first file's: dimensions = [1]"),
        (BRACKET, answer({"detail": "used"}, status=422), True, PASS, "refused"),
        (BRACKET, answer(REFUSED), True, PASS, "refused"),
        (BRACKET, answer({"detail": "used"}, status=409), False, FAIL, "HTTP 409"),
        (BRACKET, answer(REFUSED), False, FAIL, "INPUT_ERROR"),
        (BRACKET, answer({}, status=500), True, FAIL, "HTTP 500"),
        (BRACKET, NOTHING, True, INCONCLUSIVE, "nothing for 10 s"),
        (FLANGE, answer(FLANGE), True, NOT_COVERED, "the same is read in both"),
        (REFUSED, answer(REFUSED), False, PASS, "refused"),
    ],
    ids=str,
)
def test_other_file(alone: object, got: Any, may_refuse: bool, outcome: Outcome, said: str) -> None:  # noqa: FBT001 - a case
    asked = {"first": answer(FLANGE), "alone": answer(alone), "other_file": got}
    verdict = isolation.judge_other_file(own_answer(), asked, "other_file", may_refuse=may_refuse, **PLACE)
    check(verdict, outcome, said)


ONE, ANOTHER = {"success": True, "provider": "paddle"}, {"success": True, "provider": "deepseek_hf"}


@pytest.mark.parametrize(
    ("holds", "changes", "outcome", "said"),
    [
        ("other_provider", {}, PASS, "that was asked for"),
        ("cached_provider", {}, PASS, "that was asked for"),
        ("other_provider", {"other_provider": answer(ONE)}, FAIL, 'provider = "paddle"'),
        ("cached_provider", {"cached_provider": answer(ONE)}, FAIL, 'provider = "paddle"'),
        ("other_provider", {"other_provider": answer({}, status=409)}, PASS, "refused"),
        ("other_provider", {"other_provider": answer(REFUSED)}, PASS, "refused"),
        ("cached_provider", {"cached_provider": answer({}, status=409)}, FAIL, "HTTP 409"),
        ("cached_provider", {"cached_provider": answer({}, status=500)}, FAIL, "HTTP 500"),
        # A provider that is switched off, or for which another one steps in.
        ("cached_provider", {"control": answer(REFUSED)}, NOT_COVERED, "ocr_by_another_provider: success"),
        ("cached_provider", {"control": answer(ONE)}, NOT_COVERED, 'provider = "paddle"'),
        ("other_provider", {"named": answer(ANOTHER)}, NOT_COVERED, "ocr_once_by_one_provider"),
        ("cached_provider", {"kept": NOTHING}, INCONCLUSIVE, "nothing for 10 s"),
    ],
    ids=str,
)
def test_provider(holds: str, changes: Mapping[str, Any], outcome: Outcome, said: str) -> None:
    made = own_answer().model_copy(update={"holds": holds})
    acts = {name: contract().act(getattr(made, field)) for name, field in isolation._ACT_OF.items()}
    one, another = answer(ONE), answer(ANOTHER)
    usual = {"named": one, "kept": one, "control": another, "other_provider": another, "cached_provider": another}
    check(isolation.judge_provider(made, {**usual, **changes}, acts, **PLACE), outcome, said)


@pytest.mark.parametrize(
    ("flags", "outcome", "said"),
    [
        ([False] * 5, PASS, "cached = False for 5 new files"),
        ([None] * 5, PASS, ""),
        ([False, False, True, False, False], FAIL, "cached = False, False, True"),
    ],
)
def test_fresh(flags: list[object], outcome: Outcome, said: str) -> None:
    names = ("first", "named", "alone", "control", "kept")
    asked = {name: answer({**FLANGE, "cached": flag}) for name, flag in zip(names, flags, strict=True)}
    check(isolation.judge_fresh(own_answer(), asked, **PLACE), outcome, said)


def test_answers_without_the_flag_promise_nothing() -> None:
    asked = {name: answer(FLANGE) for name in ("first", "named", "alone", "control", "kept")}
    check(isolation.judge_fresh(own_answer(), asked, **PLACE), NOT_COVERED, "have no cached")


@pytest.mark.parametrize(
    ("number", "got", "outcome", "said"),
    [
        (0, answer(FLANGE), PASS, "6 answers, each its own"),
        (1, answer(BRACKET), PASS, ""),
        (0, answer({**FLANGE, "dimensions": []}), PASS, ""),
        (0, answer(BRACKET), FAIL, "what stands in the other file: dimensions = [2]"),
        (1, answer(FLANGE), FAIL, "dimensions = [1]"),
        (4, answer({**FLANGE, "title_block": {"title": "BRACKET"}}), FAIL, "title_block"),
        (3, answer(REFUSED), FAIL, "INPUT_ERROR"),
        (3, answer({}, status=500), FAIL, "HTTP 500"),
        (3, NOTHING, INCONCLUSIVE, "nothing for 10 s"),
    ],
    ids=str,
)
def test_together(number: int, got: Any, outcome: Outcome, said: str) -> None:
    asked: dict[str, Any] = {f"together {n}": answer(BRACKET if n % 2 else FLANGE) for n in range(6)}
    asked |= {"first": answer(FLANGE), "alone": answer(BRACKET), f"together {number}": got}
    promise = own_answer().model_copy(update={"together": 6})
    check(isolation.judge_together(promise, asked, **PLACE), outcome, said)


def test_files_in_which_the_same_stands_cannot_be_told_apart() -> None:
    asked = {"first": answer(FLANGE), "alone": answer(FLANGE)}
    check(isolation.judge_together(own_answer(), asked, **PLACE), NOT_COVERED, "the same is read")


# -------------------------------------------------------------------------------------------------------------- tenants


@pytest.mark.parametrize(
    ("flags", "outcome", "said"),
    [
        ((False, True, False), PASS, "new for the other"),
        ((False, True, None), PASS, ""),
        ((False, True, True), FAIL, "cached = true for the other client"),
        ((False, False, True), FAIL, ""),
        ((False, False, False), NOT_COVERED, "nothing is kept"),
    ],
)
def test_tenant_cache(flags: tuple[object, ...], outcome: Outcome, said: str) -> None:
    made = of_contract("isolation.tenant_cache", isolation.TenantCache, "isolation.ocr_cache_of_another_client")
    answers = [answer({"cached": flag}) for flag in flags]
    check(isolation.judge_tenant_cache(made, answers, **PLACE), outcome, said)
    check(isolation.judge_tenant_cache(made, [*answers[:2], NOTHING], **PLACE), INCONCLUSIVE, "nothing for 10 s")


@pytest.mark.parametrize(
    ("got", "outcome"),
    [
        (answer({}, status=404), PASS),
        (answer({}, status=403), PASS),
        (answer({"score": 1.0}), FAIL),
        (answer({}, status=500), FAIL),
        (answer({}, status=429), INCONCLUSIVE),
        (NOTHING, INCONCLUSIVE),
    ],
    ids=str,
)
def test_vectors_unseen(got: Any, outcome: Outcome) -> None:
    check(isolation.judge_unseen(got, NOTHING, **PLACE), outcome)


def gone(id_: str, **more: object) -> Answer:
    return answer(
        {"code": "DATA_NOT_FOUND", "message": f"there is no {id_}", "request_id": f"{id_}a7", **more}, status=404
    )


@pytest.mark.parametrize(
    ("theirs", "nobodys", "outcome", "said"),
    [
        (gone("v-1"), gone("v-2-of-nobody"), PASS, "HTTP 404"),
        (gone("v-1", owner="tenant"), gone("v-2"), FAIL, "owner is"),
        (gone("v-1", message="this belongs to somebody else"), gone("v-2"), FAIL, "message is"),
        (gone("v-1"), answer(b"<html>", status=404), FAIL, "for an id that nobody has"),
        (gone("v-1"), answer({}, status=500), PASS, "HTTP 404"),  # that is another promise's matter
        (gone("v-1"), NOTHING, PASS, "HTTP 404"),
    ],
)
def test_nobody_is_told_what_others_have(theirs: Any, nobodys: Any, outcome: Outcome, said: str) -> None:
    check(isolation.judge_unseen(theirs, nobodys, **PLACE), outcome, said)


@pytest.mark.parametrize(
    ("mine", "outcome", "said"),
    [
        ([answer({"score": 1}), answer({"score": 0.9999})], PASS, "as it was"),
        ([answer({"score": 0.0}), answer({"score": 1})], FAIL, "score = 0.0"),
        ([answer({"score": 1}), answer({}, status=404)], FAIL, "HTTP 404"),
        ([answer({"score": 1}), answer({})], FAIL, "score = missing"),
        ([answer({"score": 1}), NOTHING], INCONCLUSIVE, "nothing for 10 s"),
    ],
    ids=str,
)
def test_vectors_kept(mine: list[Any], outcome: Outcome, said: str) -> None:
    name = "isolation.vectors_kept_from_another_client"
    made = of_contract("isolation.tenant_vectors", isolation.TenantVectors, name)
    check(isolation.judge_kept(made, mine, **PLACE), outcome, said)


# ---------------------------------------------------------------------------------------------- comparisons at one time


@pytest.mark.parametrize(
    ("got", "outcome", "said"),
    [
        (answer({"reference_id": "a", "score": 1.0}), PASS, "2 answers, each its own"),
        (answer({"score": 1.0}), PASS, ""),
        # Wrong, and no other request's: comparisons are judged elsewhere.
        (answer({"reference_id": "a", "score": 0.9}), PASS, ""),
        (answer({"reference_id": "b", "score": 1.0}), FAIL, 'reference_id = "b", not "a"'),
        (answer({"reference_id": "a", "score": 0.6}), FAIL, "score = 0.6, not 1"),
        (answer({}, status=404), FAIL, "HTTP 404"),
        (answer({}, status=400), FAIL, "HTTP 400"),
        (answer({}, status=500), FAIL, "HTTP 500"),
        (answer({}, status=401), PASS, ""),
        (NOTHING, INCONCLUSIVE, "nothing for 10 s"),
    ],
    ids=str,
)
def test_comparisons(got: Answer | CouldNotObserve, outcome: Outcome, said: str) -> None:
    made = of_contract("isolation.together", isolation.Together, "isolation.concurrent_comparisons")
    other = isolation.Compared("b", 0.6, answer({"reference_id": "b", "score": 0.6}))
    check(isolation.judge_comparisons(made, [isolation.Compared("a", 1.0, got), other], **PLACE), outcome, said)


def test_the_contract_compares_what_can_be_told_apart() -> None:
    made = of_contract("isolation.together", isolation.Together, "isolation.concurrent_comparisons")
    for query in made.queries:
        scores = sorted(isolation.cosine(query, candidate) for candidate in made.candidates)
        assert all(right - left > 10 * made.tolerance for left, right in pairwise(scores))


def test_what_is_the_providers_failure_is_sent_once_and_remarked() -> None:
    bad = {**storm().bad, "ocr_of_an_impossible_drawing": [answer({"success": False, "code": "PARSE_FAILED"})]}
    verdict = isolation.judge_breakers(bad_input(), storm(bad=bad), **PLACE)
    assert verdict.outcome is PASS
    assert "the provider's failure here" in verdict.notes[0]


def test_another_file_of_the_same_name_has_its_own_answer() -> None:
    made = own_answer("isolation.file_of_the_same_name")
    asked = {"first": answer(FLANGE), "alone": answer(BRACKET), "same_name": answer(BRACKET)}
    check(isolation.judge_other_file(made, asked, "same_name", may_refuse=False, **PLACE), PASS)
    wrong = {**asked, "same_name": answer(FLANGE)}
    check(isolation.judge_other_file(made, wrong, "same_name", may_refuse=False, **PLACE), FAIL, "first file's")
