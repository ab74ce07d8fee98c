"""The judges of OCR: what must be found, what must not be, and what a healthy platform may do otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from selfcheck import drawings
from selfcheck.contract import Act
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.replicas import Snapshot
from selfcheck.verdict import Outcome, Verdict
from tests.unit.making import answer, promise, scrape

if TYPE_CHECKING:
    from selfcheck.clients.http import Answer

PASS, FAIL, INCONCLUSIVE, NOT_COVERED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_COVERED
ACT = Act.model_validate({"name": "an_act", "route": "ocr_extract", "expect": {"status": 200}})
COMMON: dict[str, Any] = {
    "success": "success",
    "error": "error",
    "code": "code",
    "input_code": "INPUT_ERROR",
    "busy_codes": ["RATE_LIMIT"],
    "refusals": [400, 413, 415, 422],
}
REFUSAL = {"success": False, "code": "INPUT_ERROR", "error": "the file is empty"}
DOWN = {"success": False, "code": "PROVIDER_DOWN", "error": "it cannot be reached"}


def seen(
    given: Answer | CouldNotObserve | object, *, status: int = 200, keyed: bool = True, **more: Any
) -> drawings.Seen:
    """Make what was seen; what is no answer becomes the JSON of one."""
    made = given if isinstance(given, CouldNotObserve) else answer(given, status=status, **more)
    return drawings.Seen(ACT, made, "POST http://platform/api/v1/ocr/extract", "curl http://platform", keyed=keyed)


def trouble(kind: Trouble = Trouble.TIMED_OUT) -> CouldNotObserve:
    """Make a request that had no answer."""
    return CouldNotObserve(kind, asked="POST http://platform", came_back="nothing for 10 s", hint="look")


def check(verdict: Verdict, outcome: Outcome, said: str = "") -> None:
    """Hold a verdict against what it should be: a breach always says what was observed, where, and how to see it."""
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict
    if outcome is FAIL:
        assert verdict.expected
        assert verdict.where
        assert verdict.reproduce
    if outcome is NOT_COVERED:
        assert verdict.remedy


# --------------------------------------------------------------------------------------------------------------- known


def known(**fields: Any) -> drawings.Known:
    """Make a promise on a drawing of a flange."""
    wanted = {"paths": ["title_block"], "texts": ["KX-7342", "FLANGE"], "strange": ["BRACKET"]}
    return promise(drawings.Known, **COMMON, act="an_act", **{**wanted, **fields})


def read(block: object, **more: Any) -> dict[str, Any]:
    """Make a success with a title block."""
    return {"success": True, "title_block": block, "dimensions": [], **more}


@pytest.mark.parametrize(
    ("body", "outcome", "said"),
    [
        (read({"part_number": "KX-7342", "title": "FLANGE"}), PASS, "KX-7342, FLANGE found"),
        (read({"drawing": {"no": "kx 7342"}, "name": "Flange, round"}), PASS, ""),
        (read({"text": "PART NO: KX\u20137342\nTITLE: FLANGE"}), PASS, ""),
        (
            read({"part_number": "KX-734", "title": "FLANGE"}),
            FAIL,
            'missing: KX-7342; there is title_block.part_number = "',
        ),
        (read({}), FAIL, "missing: KX-7342, FLANGE; there is nothing"),
        (read({"title": "BRACKET"}), FAIL, "of another drawing: BRACKET; missing: KX-7342, FLANGE"),
        (read({"a": "KX-7342", "b": "FLANGE BRACKET"}), FAIL, "of another drawing: BRACKET"),
        ({"success": True, "text": "KX-7342 FLANGE"}, FAIL, "missing"),
        (DOWN, FAIL, 'code = "PROVIDER_DOWN"'),
        (REFUSAL, FAIL, 'code = "INPUT_ERROR"'),
        ({"success": False, "code": "RATE_LIMIT", "error": "later"}, INCONCLUSIVE, "RATE_LIMIT"),
        ([], FAIL, "HTTP 200"),
    ],
)
def test_what_stands_in_a_drawing_is_found(body: object, outcome: Outcome, said: str) -> None:
    check(drawings.judge_known(known(), seen(body), blind=False, reads=True), outcome, said)


@pytest.mark.parametrize(
    ("dimensions", "outcome", "said"),
    [
        ([{"value": 152.6}, {"value": 12.5}], PASS, "152.6, 12.5 found"),
        ([{"text": "L 152.6 +-0.1"}, {"text": "R 12,50"}], PASS, ""),
        (["152.6mm", "R12.5"], PASS, ""),
        ([{"value": 1526.0}, {"value": 12.5}], FAIL, "missing: 152.6"),
        ([{"value": 152.60001}, {"value": 12.5}], FAIL, "missing: 152.6"),
        ([{"text": "1152.6"}, {"text": "12.55"}], FAIL, "missing: 152.6, 12.5"),
        ([{"value": True}], FAIL, "missing: 152.6, 12.5"),
        ([], FAIL, "there is nothing"),
        (None, FAIL, "there is nothing"),
    ],
)
def test_dimensions_are_found_as_numbers_or_in_text(dimensions: object, outcome: Outcome, said: str) -> None:
    made = known(paths=["dimensions"], texts=[], numbers=[152.6, 12.5])
    check(
        drawings.judge_known(made, seen({"success": True, "dimensions": dimensions}), blind=False, reads=True),
        outcome,
        said,
    )


@pytest.mark.parametrize(
    ("body", "status", "blind", "outcome", "said"),
    [
        (read({}), 200, True, NOT_COVERED, "finds nothing of what stands in any of the suite's drawings"),
        (read({"confidence": 0.0, "title": None}), 200, True, NOT_COVERED, ""),
        (read({}), 200, False, FAIL, "missing"),
        (REFUSAL, 200, False, NOT_COVERED, "the file is refused"),
        ({"detail": "not supported"}, 415, False, NOT_COVERED, "HTTP 415"),
        (DOWN, 200, False, FAIL, "PROVIDER_DOWN"),
        (read({"title": "SAMPLE PART"}), 200, True, NOT_COVERED, "finds nothing of what stands"),
        (read({"title": "SAMPLE PART"}), 200, False, FAIL, "missing"),
    ],
)
def test_an_engine_that_our_drawings_were_not_made_for(
    body: object, status: int, *, blind: bool, outcome: Outcome, said: str
) -> None:
    check(drawings.judge_known(known(), seen(body, status=status), blind=blind, reads=False), outcome, said)


def test_whether_a_provider_works_may_be_another_promise() -> None:
    made = known(where_it_works=True)
    check(drawings.judge_known(made, seen(DOWN), blind=False, reads=True), NOT_COVERED, "the provider does not work")
    check(drawings.judge_known(made, seen(read({})), blind=False, reads=True), FAIL, "missing")
    check(drawings.judge_known(made, seen(b"oops", status=500), blind=False, reads=True), FAIL, "HTTP 500")


@pytest.mark.parametrize(
    ("status", "keyed", "outcome"),
    [(429, True, INCONCLUSIVE), (401, True, INCONCLUSIVE), (401, False, NOT_COVERED), (403, False, NOT_COVERED)],
)
def test_what_tells_nothing_of_a_drawing(status: int, *, keyed: bool, outcome: Outcome) -> None:
    check(
        drawings.judge_known(known(), seen({}, status=status, keyed=keyed), blind=False, reads=True),
        outcome,
        f"HTTP {status}",
    )


@pytest.mark.parametrize("status", [404, 405])
def test_another_route_is_not_covered(status: int) -> None:
    with pytest.raises(CouldNotObserve, match=r"api\.toml") as caught:
        drawings.judge_known(known(), seen({}, status=status), blind=False, reads=True)
    assert caught.value.trouble is Trouble.NO_SUCH_ROUTE


def test_no_answer_is_inconclusive() -> None:
    with pytest.raises(CouldNotObserve, match="nothing for 10 s"):
        drawings.judge_known(known(), seen(trouble()), blind=False, reads=True)


# ------------------------------------------------------------------------------------------------------------- nothing


@pytest.mark.parametrize(
    ("body", "status", "outcome", "said"),
    [
        (read({}), 200, PASS, "nothing"),
        (read({"title": "", "number": None, "confidence": 0.0, "unit": "mm", "name": "N/A"}), 200, PASS, ""),
        ({"success": True}, 200, PASS, ""),
        (DOWN, 200, PASS, "PROVIDER_DOWN"),
        ({"detail": "empty page"}, 422, PASS, ""),
        (read({"title": "PART"}), 200, FAIL, 'title_block.title = "PART"'),
        (read({}) | {"dimensions": [{"value": 3.0}]}, 200, FAIL, "dimensions.0.value = 3.0"),
        (read({}) | {"dimensions": [7]}, 200, FAIL, "dimensions.0 = 7"),
        ({"success": False}, 200, FAIL, "success = False, code = missing"),
        (b"Internal Server Error", 500, FAIL, "HTTP 500"),
    ],
)
def test_nothing_is_invented(body: object, status: int, outcome: Outcome, said: str) -> None:
    made = promise(
        drawings.Nothing, **COMMON, act="an_act", paths=["title_block", "dimensions"], placeholders=["n/a", "mm"]
    )
    check(drawings.judge_nothing(made, seen(body, status=status)), outcome, said)


@pytest.mark.parametrize(
    ("of_readers", "foreign", "outcome"), [(True, True, NOT_COVERED), (True, False, FAIL), (False, True, FAIL)]
)
def test_what_a_foreign_engine_says_of_a_blank_page_is_its_own_affair(
    *, of_readers: bool, foreign: bool, outcome: Outcome
) -> None:
    made = promise(drawings.Nothing, **COMMON, act="an_act", paths=["title_block"], of_readers=of_readers)
    check(drawings.judge_nothing(made, seen(read({"title": "SAMPLE PART"})), foreign=foreign), outcome)
    check(drawings.judge_nothing(made, seen(read({})), foreign=foreign), PASS)


@pytest.mark.parametrize(
    ("bodies", "reads"),
    [
        ([{}, {}], False),
        ([{"title_block": {"title": "SAMPLE PART"}}] * 2, False),
        ([{"title_block": {"title": "Flange"}}, {}], True),
        ([{"title_block": {"title": "flange"}}] * 2, True),  # the same for every drawing, but it was read once
        ([{"title_block": {"a": 152.6}}, {}], False),  # one number may be chance
        ([{}, {"title_block": {"a": 152.6, "b": "47,25 mm"}}], True),
    ],
)
def test_whether_an_engine_reads_any_of_our_drawings(bodies: list[dict[str, object]], *, reads: bool) -> None:
    made = known(numbers=[152.6, 47.25])
    assert drawings.reads_any([(made, body) for body in bodies]) is reads


# ------------------------------------------------------------------------------------------------------------ refusals


REFUSED = promise(drawings.Refused, **COMMON, act="an_act")


@pytest.mark.parametrize(
    ("body", "status", "outcome", "said"),
    [
        (REFUSAL, 200, PASS, "INPUT_ERROR"),
        ({"detail": "no image"}, 400, PASS, "HTTP 400"),
        (b"<html>413</html>", 413, PASS, "HTTP 413"),
        ({"detail": []}, 422, PASS, "HTTP 422"),
        (b"", 400, FAIL, "HTTP 400"),
        (read({}), 200, FAIL, "success = True"),
        (DOWN, 200, FAIL, "PROVIDER_DOWN"),
        (REFUSAL | {"error": ""}, 200, FAIL, 'error = ""'),
        (REFUSAL | {"error": None}, 200, FAIL, "error = None"),
        (REFUSAL | {"code": None}, 200, FAIL, "code = None"),
        (REFUSAL | {"success": 0}, 200, FAIL, "success = 0"),
        ([], 200, FAIL, "HTTP 200"),
        (b"Internal Server Error", 500, FAIL, "HTTP 500"),
        (b"Bad Gateway", 502, FAIL, "HTTP 502"),
        ({}, 429, INCONCLUSIVE, "HTTP 429"),
    ],
)
def test_bad_input_is_refused(body: object, status: int, outcome: Outcome, said: str) -> None:
    check(drawings.judge_refused(REFUSED, seen(body, status=status)), outcome, said)


@pytest.mark.parametrize(
    ("environment", "body", "status", "outcome"),
    [
        ("production", read({}), 200, FAIL),
        ("elsewhere", read({}), 200, NOT_COVERED),
        ("elsewhere", REFUSAL, 200, PASS),
        ("elsewhere", b"Internal Server Error", 500, FAIL),
    ],
)
def test_what_need_not_be_refused_everywhere(environment: str, body: object, status: int, outcome: Outcome) -> None:
    made = promise(drawings.Refused, **COMMON, act="an_act", only_in=["production"])
    check(drawings.judge_refused_in(environment, made, seen(body, status=status)), outcome)


def test_an_unknown_name_may_be_not_found() -> None:
    made = promise(drawings.Refused, **{**COMMON, "refusals": [400, 404, 422]}, act="an_act")
    check(drawings.judge_refused(made, seen({"detail": "no such provider"}, status=404)), PASS)


def size(**fields: Any) -> drawings.Size:
    """Make a promise on a size."""
    return promise(drawings.Size, **COMMON, act="an_act", measure="bytes", sent_max=100, **fields)


@pytest.mark.parametrize(
    ("over", "given", "outcome", "said"),
    [
        (1, seen(REFUSAL), PASS, ""),
        (1, seen(read({})), FAIL, "success = True"),
        (1, seen(b"", status=500), FAIL, "HTTP 500"),
        (1, seen(trouble(Trouble.BROKEN_OFF)), NOT_COVERED, "closed while the file was on its way"),
        (0, seen(read({})), PASS, "accepted"),
        (0, seen(REFUSAL), PASS, "INPUT_ERROR"),
        (0, seen(b"", status=500), FAIL, "HTTP 500"),
    ],
)
def test_a_limit_is_kept(over: int, given: drawings.Seen, outcome: Outcome, said: str) -> None:
    check(drawings.judge_size(size(over=over, limit=10), given), outcome, said)


def test_a_refusal_at_the_limit_is_a_remark() -> None:
    verdict = drawings.judge_size(size(over=0, limit=10), seen(REFUSAL))
    assert "exactly as large as the limit is refused" in verdict.notes[0]


@pytest.mark.parametrize(
    ("below", "small", "outcome"),
    [
        (seen(REFUSAL), seen(read({})), FAIL),
        (seen({"detail": "too large"}, status=413), seen(read({})), FAIL),
        (seen(read({})), seen(read({})), None),
        (seen(REFUSAL), seen(REFUSAL), None),
        (seen({}, status=429), seen(read({})), None),
        (seen({"success": False, "code": "PROVIDER_TIMEOUT", "error": "too slow"}), seen(read({})), None),
        (seen(trouble(Trouble.BROKEN_OFF)), seen(read({})), None),
    ],
    ids=[
        "refused",
        "refused by a status",
        "taken",
        "so is the small one",
        "rate limit",
        "a slow provider",
        "no answer",
    ],
)
def test_a_limit_is_not_a_part_of_what_is_promised(
    below: drawings.Seen, small: drawings.Seen, outcome: Outcome | None
) -> None:
    verdict = drawings.judge_below(size(over=0, limit=1 << 20), 1 << 20, below, small)
    assert (verdict.outcome if verdict else None) is outcome


def test_a_limit_comes_from_the_contract_or_a_page() -> None:
    assert drawings.limit_of(size(limit=7), None) == 7
    assert drawings.limit_of(size(limit_path="limits.bytes"), answer({"limits": {"bytes": 50}})) == 50


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ({}, "is not named"),
        ({"limits": {"bytes": 101}}, "is 101, and 100 are sent"),
        ({"limits": {"bytes": "5"}}, 'is "5"'),
    ],
)
def test_a_limit_that_cannot_be_tried_is_not_covered(page: object, said: str) -> None:
    with pytest.raises(CouldNotObserve, match=said) as caught:
        drawings.limit_of(size(limit_path="limits.bytes"), answer(page))
    assert caught.value.trouble is Trouble.NO_SUCH_ROUTE


# --------------------------------------------------------------------------------------------------- form of an answer


@pytest.mark.parametrize(
    ("fields", "bodies", "outcome", "said"),
    [
        ({"type": "number", "maximum": 1}, [{"success": True, "x": 0.5}], PASS, "x = 0.5"),
        ({"type": "number", "maximum": 1}, [{"success": True, "x": 98}], FAIL, "x is 98, above 1"),
        (
            {"type": "number", "maximum": 1},
            [{"success": True, "x": 1}, {"success": True, "x": "1"}],
            FAIL,
            "x is string",
        ),
        ({"type": "number"}, [{"success": True}], FAIL, "x is missing"),
        ({"type": "number", "optional": True}, [{"success": True}], PASS, ""),
        ({"type": "number"}, [{"success": True, "x": None}], FAIL, "x is null"),
        ({"equals": "", "nullable": True}, [{"success": True, "x": None}, {"success": True, "x": ""}], PASS, ""),
        ({"equals": "", "nullable": True}, [{"success": True, "x": "OK"}], FAIL, 'x is "OK"'),
        ({"type": "number"}, [{"success": False}], NOT_COVERED, "no successes among the answers"),
        ({"type": "number", "of": "failures"}, [{"success": False, "x": 1}, {"success": True}], PASS, ""),
        ({"type": "number", "of": "both"}, [{"success": False, "x": 1}, {"success": True}], FAIL, "x is missing"),
    ],
)
def test_an_entry_of_the_answers(fields: Any, bodies: list[object], outcome: Outcome, said: str) -> None:
    made = promise(drawings.FieldOfAnswer, **COMMON, acts=["an_act"], path="x", **fields)
    check(drawings.judge_field(made, [seen(trouble()), *map(seen, bodies)]), outcome, said)


@pytest.mark.parametrize(
    ("claimed", "outcome", "said"),
    [
        (9.5, PASS, "9.5 ms of 10 ms"),
        (0, PASS, ""),
        (59, PASS, ""),
        (61, FAIL, "took = 61"),
        (-1, FAIL, "took = -1"),
        ("9", FAIL, 'took is "9"'),
        (None, FAIL, "took is None"),
        (True, FAIL, "took is True"),
        (float("nan"), FAIL, "took = nan"),
    ],
)
def test_a_claimed_time_is_possible(claimed: object, outcome: Outcome, said: str) -> None:
    made = promise(drawings.Took, **COMMON, acts=["an_act"], path="took", tolerance_ms=50)
    check(drawings.judge_took(made, [seen({"success": True, "took": claimed})]), outcome, said)


def test_failures_claim_no_time() -> None:
    made = promise(drawings.Took, **COMMON, acts=["an_act"], path="took", tolerance_ms=50)
    check(
        drawings.judge_took(made, [seen({"success": False, "took": 900}), seen(trouble())]), NOT_COVERED, "no request"
    )


# ---------------------------------------------------------------------------------------------------------- same again


@pytest.mark.parametrize(
    ("first", "second", "outcome", "said"),
    [
        ({"a": [1.0, "x"]}, {"a": [1, "x"], "time": 3}, PASS, "the same"),
        ({"a": 0.9801}, {"a": 0.98012}, PASS, ""),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, FAIL, "a: first {'b': 1}, then {'b': 2}"),
        ({"a": [1]}, {"a": []}, FAIL, ""),
        ({"a": True}, {"a": 1}, FAIL, ""),
        ({"a": 1}, {}, FAIL, "then missing"),
        ({}, {}, PASS, ""),
        ({"a": 1, "by": "one"}, {"a": 2, "by": "two"}, NOT_COVERED, 'two providers answered: "one" and "two"'),
        (
            {"a": 1, "by": "one"},
            {"success": False, "by": "two", "code": "X", "error": "y"},
            FAIL,
            "success: first True",
        ),
    ],
)
def test_the_same_file_is_given_the_same_answer(first: Any, second: Any, outcome: Outcome, said: str) -> None:
    made = promise(drawings.Again, **COMMON, act="an_act", paths=["a", "success"], provider="by")
    verdict = drawings.judge_again(made, seen({"success": True, **first}), seen({"success": True, **second}))
    check(verdict, outcome, said)


def test_an_engine_that_need_not_say_the_same_is_remarked() -> None:
    made = promise(drawings.Again, **COMMON, act="an_act", paths=["a"], provider="by")
    good = {"success": True, "by": "one"}
    check(
        drawings.judge_again(made, seen({**good, "a": 1}), seen({**good, "a": 2}), firm=False),
        NOT_COVERED,
        "a: first 1",
    )
    check(drawings.judge_again(made, seen({**good, "a": 1}), seen({**good, "a": 1}), firm=False), PASS)


@pytest.mark.parametrize(
    ("environment", "given", "outcome"),
    [
        ("ours", seen(REFUSAL), PASS),
        ("ours", seen(read({})), FAIL),
        ("ours", seen({"success": False, "code": "PARSE_FAILED", "error": "no"}), FAIL),
        ("theirs", seen(REFUSAL), PASS),
        ("theirs", seen(read({})), NOT_COVERED),
        ("theirs", seen({"success": False, "code": "PARSE_FAILED", "error": "no"}), NOT_COVERED),
        ("theirs", seen({}, status=500), FAIL),
    ],
)
def test_who_need_not_see_at_once_what_is_wrong_may_fail_at_it(
    environment: str, given: drawings.Seen, outcome: Outcome
) -> None:
    made = promise(drawings.Refused, **COMMON, act="an_act", only_in=["ours"])
    check(drawings.judge_refused_in(environment, made, given), outcome)


def test_an_error_of_the_platform_is_no_answer_again() -> None:
    made = promise(drawings.Again, **COMMON, act="an_act", paths=["a"], provider="by")
    check(drawings.judge_again(made, seen({"success": True}), seen(b"", status=500)), FAIL, "HTTP 500")
    check(drawings.judge_again(made, seen({"success": True}), seen({}, status=429)), INCONCLUSIVE, "HTTP 429")


# ----------------------------------------------------------------------------------------------------------- providers


PAGES = {
    "health_page": "health",
    "disabled": "config.disabled",
    "providers_page": "providers_health",
    "entries": "results",
    "entry_name": "provider",
    "entry_ready": "ready",
    "entry_error": "error",
    "off_words": ["disabled"],
}
CHOSEN = promise(
    drawings.Chosen, **COMMON, act="an_act", asked="deepseek", answers_as=["deepseek_hf"], provider="provider", **PAGES
)
READY = drawings.Standing(ready={"deepseek_hf": True})
NOT_READY = drawings.Standing(ready={"deepseek_hf": False})
OFF = drawings.Standing(disabled=frozenset({"deepseek_hf"}))
OFF_BY_ITS_ALIAS = drawings.Standing(disabled=frozenset({"deepseek"}))
OTHERS = drawings.Standing(ready={"tesseract": True})
UNKNOWN = drawings.Standing()


@pytest.mark.parametrize(
    ("body", "status", "said_before", "outcome", "said"),
    [
        ({"success": True, "provider": "deepseek_hf"}, 200, READY, PASS, 'provider = "deepseek_hf"'),
        ({"success": True, "provider": "deepseek_hf"}, 200, UNKNOWN, PASS, ""),
        ({"success": True, "provider": "deepseek"}, 200, READY, FAIL, 'provider = "deepseek"'),
        ({"success": True, "provider": "paddle"}, 200, READY, FAIL, 'provider = "paddle"'),
        ({"success": True}, 200, READY, FAIL, "provider = missing"),
        ({"success": True, "provider": "deepseek_hf"}, 200, OFF, FAIL, "a success"),
        (DOWN, 200, OFF, NOT_COVERED, "switched off, not ready or not listed"),
        ({"success": True, "provider": "deepseek_hf"}, 200, OFF_BY_ITS_ALIAS, FAIL, "a success"),
        (REFUSAL, 200, OFF_BY_ITS_ALIAS, NOT_COVERED, "INPUT_ERROR"),
        ({"detail": "no"}, 422, OFF, NOT_COVERED, "HTTP 422"),
        ({}, 500, OFF, FAIL, "HTTP 500"),
        (REFUSAL, 200, OTHERS, NOT_COVERED, "not listed"),
        ({"success": True, "provider": "tesseract"}, 200, OTHERS, NOT_COVERED, "has other providers"),
        ({"success": True, "provider": "tesseract"}, 200, READY, FAIL, 'provider = "tesseract"'),
        (DOWN, 200, NOT_READY, NOT_COVERED, "PROVIDER_DOWN"),
        (DOWN, 200, READY, FAIL, "PROVIDER_DOWN"),
        (DOWN, 200, UNKNOWN, INCONCLUSIVE, "PROVIDER_DOWN"),
        (REFUSAL, 200, READY, FAIL, "INPUT_ERROR"),
        (REFUSAL, 200, UNKNOWN, FAIL, "INPUT_ERROR"),
        ({"detail": "no"}, 422, READY, FAIL, "HTTP 422"),
        ({}, 401, READY, INCONCLUSIVE, "HTTP 401"),
    ],
)
def test_the_provider_that_was_asked_for_answers(
    body: object, status: int, said_before: drawings.Standing, outcome: Outcome, said: str
) -> None:
    check(drawings.judge_chosen(CHOSEN, seen(body, status=status), said_before), outcome, said)


def test_whichever_provider_is_listed_may_stand_for_auto() -> None:
    auto = CHOSEN.model_copy(update={"asked": "auto", "anyone": True})
    check(drawings.judge_chosen(auto, seen({"success": True, "provider": "tesseract"}), OTHERS), PASS, "tesseract")
    check(drawings.judge_chosen(auto, seen({"success": True, "provider": "auto"}), OTHERS), FAIL, "auto")
    check(drawings.judge_chosen(auto, seen({"success": True, "provider": "auto"}), READY), FAIL, "auto")
    check(drawings.judge_chosen(auto, seen(REFUSAL), OTHERS), FAIL, "INPUT_ERROR")


def test_a_page_may_say_that_a_provider_is_switched_off() -> None:
    results = [{"provider": "a", "ready": False, "error": "Disabled by us"}, {"provider": "b", "ready": False}]
    said = drawings.standing(CHOSEN, None, answer({"results": results}))
    assert said == drawings.Standing(frozenset({"a"}), {"a": False, "b": False})


def test_what_the_pages_say_of_providers() -> None:
    health = answer({"config": {"disabled": ["paddle"]}})
    both = {"results": [{"provider": "a", "ready": True}, {"provider": "a", "ready": False}, {"provider": 1}, None]}
    assert drawings.standing(CHOSEN, health, answer(both)) == drawings.Standing(frozenset({"paddle"}), {"a": False})
    assert drawings.standing(CHOSEN, answer({}), answer({"detail": "no key"}, status=401)) == UNKNOWN
    assert drawings.standing(CHOSEN, None, None) == UNKNOWN


# -------------------------------------------------------------------------------------------------------------- labels


@pytest.mark.parametrize(
    ("pages", "missing", "outcome", "said"),
    [
        (['# HELP abc12 text\na{provider="paddle"} 1\n'], (), PASS, "abc12 in none of 1 series"),
        (["a 1\n", 'a{p="selfcheck_ABC12_7"} 1\n'], (), FAIL, 'a{p="selfcheck_ABC12_7"}'),
        (['a{p="abc12"} 1\n'], ("two",), FAIL, "abc12"),
        (["a 1\n"], ("two",), INCONCLUSIVE, "the metrics of two could not be read"),
        (["a 1\n", ""], (), INCONCLUSIVE, "no samples"),
        ([], (), INCONCLUSIVE, "nothing was looked at"),
    ],
)
def test_what_clients_write_is_no_label(
    pages: list[str], missing: tuple[str, ...], outcome: Outcome, said: str
) -> None:
    read = Snapshot({str(at): scrape(text, replica=str(at)) for at, text in enumerate(pages)}, missing)
    check(drawings.judge_no_label(["abc12"], read, reproduce="curl http://platform/metrics"), outcome, said)
