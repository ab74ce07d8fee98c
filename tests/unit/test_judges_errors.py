"""The judges of errors: what is in the promised form, what is not, and what they do not speak of."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest

from checks import test_errors as errors
from selfcheck.clients.platform import Answered, Caller
from selfcheck.contract import load
from selfcheck.leaks import leaks
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.verdict import Outcome
from tests.unit.making import answer

if TYPE_CHECKING:
    from selfcheck.contract import Promise

PASS, FAIL, INCONCLUSIVE, NOT_COVERED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_COVERED
DETAIL = {
    "code": "DATA_NOT_FOUND",
    "source": "input",
    "severity": "error",
    "message": "no vector is registered under this id",
    "stage": "lookup",
    "context": {},
}
HANDLED = {"success": False, "error": "the file is neither PNG nor PDF", "code": "INPUT_ERROR"}
TRACE = 'Traceback (most recent call last):\n  File "/srv/x.py", line 3, in y'


contract = functools.cache(load)
"""The default contract, read once."""


def of_contract(kind: str, model: type[Promise], promise_id: str) -> Any:
    """Take a promise from the default contract."""
    return next(found for found in contract().promises(kind, model) if found.id == promise_id)


def answered(act: str, body: object, *, status: int = 200, **more: Any) -> Answered:
    """Make an answer to an act of the default contract."""
    return Answered(contract().act(act), Caller.OWN, answer(body, status=status, **more))


@pytest.mark.parametrize(
    ("act", "status", "said"),
    [
        ("ocr_of_a_drawing", 200, ""),
        ("ocr_of_a_drawing", 404, ""),
        ("ocr_of_a_drawing", 500, "oops"),
        ("compare_nothing", 502, "oops"),
        ("compare_nothing", 503, "oops"),
        ("compare_nothing", 504, "oops"),
        ("compare_nothing", 501, ""),
    ],
)
def test_server_error(act: str, status: int, said: str) -> None:
    made = of_contract("errors.server_errors", errors.ServerErrors, "errors.no_server_error")
    found = errors.server_error(made, answered(act, b"oops", status=status))
    assert said in found
    assert bool(found) is bool(said)


@pytest.mark.parametrize(
    ("body", "more", "said"),
    [
        ({"detail": DETAIL}, {}, ""),
        ({"detail": "Not Found"}, {}, ""),
        ({"detail": [{"loc": ["body"], "msg": "JSON decode error"}]}, {}, ""),
        ({"error": "no such thing"}, {}, ""),
        ({"title": "Bad Request"}, {"content_type": "application/problem+json"}, ""),
        ({"detail": "x"}, {"content_type": "application/json; charset=utf-8"}, ""),
        ({"detail": ""}, {}, "says what is wrong"),
        ({"detail": []}, {}, "says what is wrong"),
        ({"detail": None}, {}, "says what is wrong"),
        ({"detail": 17}, {}, "says what is wrong"),
        ({}, {}, "says what is wrong"),
        ([], {}, "says what is wrong"),
        (b"", {}, "not JSON"),
        (b"{", {}, "not JSON"),
        (b"<html>", {"content_type": "text/html"}, "content type text/html"),
        (b"{}", {"content_type": None}, "content type missing"),
        (b"<html>", {"content_type": "text/html", "status": 413}, None),
        (b"<html>", {"content_type": "text/html", "status": 403}, None),
        (b"<html>", {"content_type": "text/html", "status": 429}, None),
        ({}, {"status": 200}, None),
    ],
    ids=str,
)
def test_form(body: object, more: dict[str, Any], said: str | None) -> None:
    made = of_contract("errors.form", errors.Form, "errors.say_something")
    found = errors.wrong_form(made, answered("compare_nothing", body, **{"status": 400, **more}))
    assert (found is None) is (said is None)
    assert (said or "") in (found or "")
    assert bool(found) is bool(said)


def without(name: str) -> dict[str, Any]:
    """Leave a field of the envelope out."""
    return {key: value for key, value in DETAIL.items() if key != name}


@pytest.mark.parametrize(
    ("act", "status", "detail", "said"),
    [
        ("compare_unknown_candidate", 404, DETAIL, ""),
        ("compare_unknown_candidate", 404, {**DETAIL, "context": None, "more": 1}, ""),
        ("compare_nothing", 400, {**DETAIL, "code": "INPUT_VALIDATION_FAILED"}, ""),
        ("compare_nothing", 400, {**DETAIL, "code": "DIMENSION_MISMATCH"}, ""),
        ("compare_nothing", 400, DETAIL, 'detail.code = "DATA_NOT_FOUND", not INPUT_VALIDATION_FAILED'),
        ("compare_unknown_candidate", 404, {**DETAIL, "code": "data_not_found"}, 'detail.code = "data_not_found"'),
        ("compare_unknown_candidate", 404, {**DETAIL, "code": None}, "says nothing of code"),
        ("compare_unknown_candidate", 404, {**DETAIL, "message": " "}, "says nothing of message"),
        ("compare_unknown_candidate", 404, without("stage"), "says nothing of stage"),
        ("compare_unknown_candidate", 404, without("context"), "context is no object"),
        ("compare_unknown_candidate", 404, {**DETAIL, "context": "x"}, "context is no object"),
        ("compare_unknown_candidate", 404, "no such vector", "detail is string"),
        ("compare_unknown_candidate", 404, [DETAIL], "detail is array"),
        # Neither is promised to have the envelope.
        ("compare_unknown_candidate", 401, "no key", None),
        ("compare_nothing", 422, [{"msg": "x"}], None),
        ("compare_of_half_a_body", 400, "There was an error parsing the body", None),
        ("compare_with_a_candidate", 404, "Not Found", None),
        ("ocr_of_a_drawing", 404, "Not Found", None),
    ],
    ids=str,
)
def test_envelope(act: str, status: int, detail: object, said: str | None) -> None:
    made = of_contract("errors.envelope", errors.Envelope, "errors.envelope_of_compare")
    found = errors.wrong_envelope(made, answered(act, {"detail": detail}, status=status))
    assert (found is None) is (said is None)
    assert (said or "") in (found or "")
    assert bool(found) is bool(said)


@pytest.mark.parametrize(
    ("body", "more", "said"),
    [
        (HANDLED, {}, ""),
        ({**HANDLED, "code": "input_error"}, {}, "no promised code"),
        ({**HANDLED, "code": None}, {}, "no promised code"),
        ({**HANDLED, "code": "BAD_FILE"}, {}, "no promised code"),
        ({**HANDLED, "error": "INPUT_ERROR"}, {}, "no sentence"),
        ({**HANDLED, "error": "failed"}, {}, "no sentence"),
        ({**HANDLED, "error": "a 1 2 3 4 5 6"}, {}, "no sentence"),
        ({**HANDLED, "error": None}, {}, "no sentence"),
        ({"success": False, "code": "INPUT_ERROR"}, {}, "error = missing"),
        (HANDLED, {"content_type": "text/plain"}, "content type text/plain"),
        (b"{", {}, "not JSON"),
        (b"[" + b" " * 70_000, {}, None),
        ({"success": True}, {}, None),
        ({"success": "no"}, {}, None),
        ({}, {}, None),
        (HANDLED, {"status": 400}, None),
    ],
    ids=lambda value: str(value)[:60],
)
def test_handled_failure(body: object, more: dict[str, Any], said: str | None) -> None:
    made = of_contract("errors.handled", errors.Handled, "errors.ocr_failures_say_why")
    found = errors.wrong_answer(made, answered("ocr_of_no_drawing", body, **more))
    assert (found is None) is (said is None)
    assert (said or "") in (found or "")
    assert bool(found) is bool(said)
    assert errors.wrong_answer(made, answered("vision_of_no_image", body, **more)) is None


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, ""),
        ({"error": None, "code": None}, ""),
        ({"error": "", "code": ""}, ""),
        ({"code": "PARSE_FAILED"}, 'success = true, and code = "PARSE_FAILED"'),
        ({"error": "half of it was read", "code": "X"}, 'error = "half of it was read", code = "X"'),
        ({"code": 0}, "code = 0"),
    ],
    ids=str,
)
def test_success_is_clean(more: dict[str, Any], said: str) -> None:
    made = of_contract("errors.handled", errors.Handled, "errors.vision_successes_are_clean")
    found = errors.wrong_answer(made, answered("vision_of_a_drawing", {"success": True, **more}))
    assert found is not None
    assert said in found
    assert bool(found) is bool(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("the file is neither PNG nor PDF", ""),
        ("select one of the files from the list, then update the set", ""),
        ("paddle: it answered with HTTP status 503. See https://example.com/docs/errors.html", ""),
        ("input should be a valid list: value_error.list", ""),
        ("no such provider; known are auto, paddle, deepseek_hf", ""),
        (TRACE, "stack trace"),
        ('{"trace": "File \\"/srv/app/x.py\\", line 7"}', "stack trace"),
        ("at com.example.Compare(Compare.java:91)", "stack trace"),
        ("raised in /opt/platform/src/decode.py", "source file"),
        ("redis.exceptions.ConnectionError: no", "exception of a library"),
        ("SELECT vector FROM vectors WHERE id = $1", "SQL"),
        ("INSERT INTO ocr_requests", "SQL"),
        ('{"context": {"stored": [3.0, 4.0, 0.0]}}', "a registered vector"),
        ('{"detail": [{"input": {"vector": [3.0, 4.0]}}]}', ""),
        ("could not connect to redis://:hunter2@redis:6379/0", "connection string"),
        ("the key k-1234567890 is not known", "a credential of this run"),
    ],
    ids=str,
)
def test_leaks(text: str, said: str) -> None:
    made = of_contract("errors.leaks", errors.Leaks, "errors.tell_nothing_of_the_inside")
    for given in (
        answered("compare_nothing", text.encode(), status=400),
        answered("ocr_of_no_drawing", {**HANDLED, "error": text}),
    ):
        found = errors.leaking(made, given, ["k-1234567890", None, ""])
        assert found is not None
        assert said in found
        assert bool(found) is bool(said)
        assert "k-1234567890" not in found


def test_what_succeeded_is_not_searched_for_leaks() -> None:
    made = of_contract("errors.leaks", errors.Leaks, "errors.tell_nothing_of_the_inside")
    for body in ({"success": True, "note": TRACE}, TRACE.encode(), [TRACE]):
        assert errors.leaking(made, answered("ocr_of_a_drawing", body), []) is None


def test_a_leak_is_named_and_cut() -> None:
    found = leaks("SELECT " + "x" * 200 + " FROM t", {"SQL": "SELECT.*FROM"})
    assert found[0].startswith('SQL: "SELECT xxx')
    assert len(found[0]) < 100
    assert leaks("", {"SQL": "SELECT"}, ["secret"]) == []


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        (429, {"Retry-After": "3"}, ""),
        (429, {"Retry-After": ""}, "Retry-After is empty"),
        (429, {}, "Retry-After is missing"),
        (400, {}, None),
    ],
)
def test_retry_after(status: int, headers: dict[str, str], said: str | None) -> None:
    made = of_contract("errors.retry_after", errors.RetryAfter, "errors.rate_limits_say_when")
    assert errors.no_retry_after(made, answered("classify_a_part", {}, status=status, headers=headers)) == said
    assert errors.no_retry_after(made, answered("ocr_of_a_drawing", {}, status=status)) is None


@pytest.mark.parametrize(
    ("promise_id", "act", "status", "body", "said"),
    [
        ("uploads", "malformed_upload", 422, {"detail": []}, ""),
        ("uploads", "malformed_upload", 400, {}, ""),
        ("uploads", "malformed_upload", 200, {"success": True}, "true"),
        ("uploads", "malformed_upload", 200, {"success": False}, "false"),
        ("uploads", "malformed_upload", 500, {}, None),
        ("uploads", "malformed_upload", 429, {}, None),
        ("uploads", "malformed_upload", 401, {}, None),
        ("uploads", "ocr_of_a_drawing", 200, {"success": True}, None),
        ("images", "vision_of_half_a_body", 422, {}, ""),
        ("images", "vision_of_half_a_body", 200, {"success": False}, ""),
        ("images", "vision_of_half_a_body", 200, {"success": True}, "true"),
        ("images", "vision_of_half_a_body", 200, b"<html>", "html"),
    ],
    ids=str,
)
def test_what_has_no_form(promise_id: str, act: str, status: int, body: object, said: str | None) -> None:
    made = of_contract("errors.malformed", errors.Malformed, f"errors.malformed_{promise_id}_are_refused")
    found = errors.taken_for_well_formed(made, answered(act, body, status=status))
    assert (found is None) is (said is None)
    assert (said or "") in (found or "")
    assert bool(found) is bool(said)


def judged(*problems: str | None, troubles: tuple[CouldNotObserve, ...] = ()) -> Any:
    """Judge an answer for each problem."""
    given = [answered("compare_nothing", {}, status=400) for _ in problems]
    left = iter(problems)
    return errors.judge_all(
        given, lambda _: next(left), expected="fine", reproduce=lambda each: f"curl {each.act.name}", troubles=troubles
    )


def test_all_answers_count() -> None:
    assert (judged("", None, "").outcome, judged("", "").observed) == (PASS, "2 answers")
    verdict = judged("", "wrong", "worse", "wrong")
    assert (verdict.outcome, verdict.observed) == (FAIL, "HTTP 400: wrong")
    assert verdict.where == "GET http://platform/page, compare_nothing as own"
    assert verdict.reproduce == "curl compare_nothing"
    assert [note for note in verdict.notes if "worse" in note]


def test_no_answer_is_not_green() -> None:
    assert (judged().outcome, judged(None).outcome) == (NOT_COVERED, NOT_COVERED)
    trouble = CouldNotObserve(Trouble.TIMED_OUT, asked="POST /x", came_back="nothing", hint="look")
    with pytest.raises(CouldNotObserve):
        judged(None, troubles=(trouble,))
    assert judged("", troubles=(trouble,)).outcome is PASS
    refused = [answered("vision_of_no_image", {}, status=429)]
    verdict = errors.judge_all([], lambda _: None, expected="fine", reproduce=str, refused=refused)
    assert (verdict.outcome, verdict.observed) == (INCONCLUSIVE, "what was asked for it was answered HTTP 429")


def lost(trouble: Trouble) -> CouldNotObserve:
    """Make the reason why a request got no answer."""
    return CouldNotObserve(trouble, asked="POST /x", came_back="the connection ended", hint="look")


@pytest.mark.parametrize(
    ("first", "again", "others", "outcome"),
    [
        (Trouble.BROKEN_OFF, Trouble.BROKEN_OFF, 3, FAIL),
        (Trouble.NOT_HTTP, Trouble.BROKEN_OFF, 3, FAIL),
        (Trouble.BROKEN_OFF, None, 3, PASS),
        # All of them: that is the network, or the platform is away, which others tell.
        (Trouble.BROKEN_OFF, Trouble.BROKEN_OFF, 0, INCONCLUSIVE),
        (Trouble.BROKEN_OFF, Trouble.TIMED_OUT, 3, INCONCLUSIVE),
        (Trouble.TIMED_OUT, Trouble.TIMED_OUT, 3, INCONCLUSIVE),
        (Trouble.REFUSED, Trouble.REFUSED, 3, INCONCLUSIVE),
        # Never sent.
        (Trouble.NO_SUCH_ROUTE, Trouble.NO_SUCH_ROUTE, 3, PASS),
        (Trouble.CREDENTIAL, Trouble.CREDENTIAL, 3, PASS),
    ],
)
def test_a_connection_that_is_broken_off_twice(
    first: Trouble, again: Trouble | None, others: int, outcome: Outcome
) -> None:
    act = contract().act("vision_of_no_image")
    seen = errors.Provoked(act, lost(first), answer() if again is None else lost(again))
    verdict = errors.judge_lost([seen], others=others, reproduce=lambda each: f"curl {each.name}")
    assert verdict.outcome is outcome
    if outcome is FAIL:
        assert "no answer, twice, to vision_of_no_image: the connection ended" in verdict.observed
