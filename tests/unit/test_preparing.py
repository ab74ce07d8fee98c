"""Prepared requests are those that the gate would send, and their answers are worth what the gate says of them."""

from __future__ import annotations

import base64
import datetime as dt
import email.parser
import email.policy
import gzip
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import SecretStr

from load import plan as plans
from load.plan import Operation, Plan, Profile
from load.preparing import NotStartedError, Received, Template, prepare, refuse_another_target, says_when_to_retry
from load.record import Fate
from load.shapes import Constant
from selfcheck import contract, corpus, settings
from selfcheck.answering import breach
from selfcheck.clients.http import Answer
from selfcheck.run import open_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from load.preparing import Prepared
    from selfcheck.run import Run

KEY = "prepared-api-key-0123"
URL = "http://localhost:8000"


@pytest.fixture(scope="module")
def run() -> Run:
    """A run against an address that nobody asks."""
    chosen = settings.Settings(base_url=URL, api_key=SecretStr(KEY), _env_file=None)
    return open_run(chosen, contract.load(), run_id="selfcheck-prepared")


def plan(run: Run, *acts: str, **values: Any) -> Plan:
    """Plan some acts, or all operations of the contract."""
    shape = Constant(kind="constant", rate=1, duration_seconds=1)
    profile = Profile(
        name="test",
        says="a profile of the tests",
        shape=shape,
        quantiles=(0.5,),
        warm_up_seconds=0,
        request_timeout_seconds=5,
        drain_seconds=1,
        in_flight_max=10,
        block_seconds=1,
        grows=False,
    )
    made = [
        Operation(name=act, says=act * 2, act=act, weight=1, think_seconds=0, rate_limited=False, values=values)
        for act in acts
    ]
    return Plan(
        profile=profile,
        line=shape.scaled(),
        seed=1,
        workers=1,
        operations=tuple(made or plans.operations(run.contract).values()),
        clients=("own",),
        base_url=URL,
        run_id="selfcheck-prepared",
        candidates={"own": "registered-vector"},
        vector=(3.0, 4.0),
    )


def one(run: Run, act: str, **values: Any) -> Prepared:
    """Prepare one act."""
    return prepare(plan(run, act, **values), run)[act, "own"]


def parts(request: bytes) -> tuple[str, httpx.Headers, bytes]:
    """Take a request apart: its first line, its headers, its body."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    return first, httpx.Headers([(line.partition(": ")[0], line.partition(": ")[2]) for line in lines]), body


def files(request: bytes) -> list[tuple[str, str, bytes]]:
    """Give (file name, media type, content) of each file of a request."""
    _, headers, body = parts(request)
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
        f"Content-Type: {headers['content-type']}\r\n\r\n".encode() + body
    )
    return [
        (str(part.get_filename()), part.get_content_type(), bytes(part.get_content())) for part in message.iter_parts()
    ]


# ------------------------------------------------------------------------------------------------------------ requests


def test_every_operation_of_the_contract_can_be_sent(run: Run) -> None:
    for prepared in prepare(plan(run), run).values():
        first, headers, body = parts(prepared.request(7))
        act = run.contract.act(next(o.act for o in plan(run).operations if o.name == prepared.operation))
        route = run.contract.route(act.route)
        assert first == f"{route.method} {route.path} HTTP/1.1"
        assert prepared.url == URL + route.path
        assert headers["host"] == "localhost:8000"
        assert headers["x-synthetic-check"] == "selfcheck-prepared"
        assert headers["accept-encoding"] == "identity"
        assert headers.get("x-api-key") == (KEY if route.key == "api_key" else None)
        assert int(headers.get("content-length", "0")) == len(body)
        assert ("content-length" in headers) == (route.method == "POST")
        assert b"hole-" not in body


def test_a_file_is_that_of_the_corpus_with_a_mark_of_its_own(run: Run) -> None:
    prepared, mark = one(run, "ocr_of_a_drawing"), run.target.platform.mark
    for number in (1, 2, 1000):
        expected = corpus.payload("drawing", f"{mark}-{number}")
        assert files(prepared.request(number)) == [(expected.filename, expected.media_type, expected.content)]


def test_copies_of_a_file_differ(run: Run) -> None:
    prepared, mark = one(run, "classify_parts"), run.target.platform.mark
    contents = [content for _, _, content in files(prepared.request(5))]
    assert contents == [corpus.payload("part", name).content for name in (f"{mark}-5", f"{mark}-5-1")]


def test_a_file_that_is_inlined_is_that_of_the_corpus_too(run: Run) -> None:
    prepared, mark = one(run, "vision_of_a_drawing"), run.target.platform.mark
    sent = json.loads(parts(prepared.request(3))[2])
    assert base64.b64decode(sent["image_base64"]) == corpus.payload("drawing", f"{mark}-3").content
    assert sent["include_description"] is True


def test_what_repeats_is_the_same_each_time(run: Run) -> None:
    prepared = one(run, "ocr_of_a_flange_again")
    assert prepared.request(1) is prepared.request(2)
    assert files(prepared.request(1))[0][2] == corpus.payload("flange_drawing", run.target.platform.mark).content


def test_marks_are_filled_in_and_numbers_of_a_vector_stay_numbers(run: Run) -> None:
    assert json.loads(parts(one(run, "compare_with_a_candidate").request(1))[2]) == {
        "query_features": [3.0, 4.0],
        "candidate_hash": "registered-vector",
    }
    unknown = [json.loads(parts(one(run, "compare_unknown_candidate").request(n))[2]) for n in (1, 2)]
    assert [body["candidate_hash"] for body in unknown] == [
        f"{run.target.platform.mark}-{number}-unknown" for number in (1, 2)
    ]


def test_values_of_the_operation_are_filled_in(run: Run) -> None:
    first, _, _ = parts(one(run, "ocr_by_a_provider", provider="paddle").request(1))
    assert first == "POST /api/v1/ocr/extract?provider=paddle HTTP/1.1"


def test_a_mark_in_the_query_is_a_hole_too(run: Run) -> None:
    first, headers, body = parts(one(run, "reset_of_an_unknown_provider").request(12))
    assert f"provider={run.target.platform.mark}-12-unknown " in first
    assert (headers["content-length"], body) == ("0", b"")


def test_a_template_without_holes_is_given_as_it_is() -> None:
    text = b"all of it"
    assert Template(text, {}).filled("mark") is text
    assert Template(b"a[1]b[1]c", {b"[1]": str.encode}).filled("-x-") == b"a-x-b-x-c"


@pytest.mark.parametrize("base_url", ["http://localhost:8000/", "http://LOCALHOST:8000"])
def test_another_way_to_write_the_target_is_the_same_target(run: Run, base_url: str) -> None:
    refuse_another_target(plan(run).model_copy(update={"base_url": base_url}), run)


def test_another_target_is_refused(run: Run) -> None:
    with pytest.raises(NotStartedError, match=r"other\.example"):
        refuse_another_target(plan(run).model_copy(update={"base_url": "http://other.example"}), run)


# ------------------------------------------------------------------------------------------------------------- answers

DEEP = b'{"success": true, "more": ' + b"[" * 101 + b"]" * 101 + b"}"
WIDE = b'{"success": true, "more": [' + b", ".join([b"[]"] * 200) + b"]}"


@pytest.mark.parametrize(
    ("status", "headers", "body", "fate"),
    [
        (200, {}, b'{"success": true}', Fate.OK),
        (200, {"content-type": "application/json"}, b' {"success": true} ', Fate.OK),
        (200, {"content-type": "application/json; charset=UTF-8"}, b'{"success": true}', Fate.OK),
        (
            200,
            {"content-type": "application/json; charset=utf-16-le"},
            '{"success": true}'.encode("utf-16-le"),
            Fate.OK,
        ),
        (200, {"content-type": "application/json; charset=rot13"}, b'{"success": true}', Fate.WRONG),
        (200, {"content-encoding": "gzip"}, gzip.compress(b'{"success": true}', mtime=0), Fate.OK),
        (200, {"content-encoding": "gzip"}, b'{"success": true}', Fate.WRONG),
        (200, {"content-encoding": "br"}, b'{"success": true}', Fate.WRONG),
        (200, {}, b'{"success": false}', Fate.WRONG),
        (200, {}, b'{"success": 1}', Fate.WRONG),
        (200, {}, b'{"success": "true"}', Fate.WRONG),
        (200, {}, b'{"success": tru', Fate.WRONG),
        (200, {}, b"", Fate.WRONG),
        (200, {}, b"[true]", Fate.WRONG),
        (200, {}, '{"success": true, "text": "geprüft"}'.encode("latin-1"), Fate.WRONG),
        (200, {}, b'{"success": true, "score": NaN}', Fate.OK),
        (200, {}, DEEP, Fate.WRONG),
        (200, {}, WIDE, Fate.OK),
        (201, {}, b'{"success": true}', Fate.WRONG),
        (404, {}, b'{"success": true}', Fate.WRONG),
        (429, {}, b'{"success": true}', Fate.LIMITED),
        (500, {}, b'{"success": true}', Fate.SERVER_ERROR),
        (599, {}, b"", Fate.SERVER_ERROR),
    ],
)
def test_an_answer_is_worth_what_the_gate_says_of_it(
    run: Run, status: int, headers: Mapping[str, str], body: bytes, fate: Fate
) -> None:
    prepared = one(run, "ocr_of_a_drawing")
    received = Received(status, httpx.Headers(headers), body)
    assert prepared.fate(received) is fate
    assert fate is Fate.OK or prepared.words(received)
    if "content-encoding" not in headers:
        answer = Answer("", "", status, httpx.Headers(headers), body, 0.0, 0.0)
        assert bool(breach(run.contract.act("ocr_of_a_drawing"), answer)) == (fate is not Fate.OK)


def test_an_error_that_is_promised_is_fine(run: Run) -> None:
    prepared = one(run, "compare_unknown_candidate")
    fine = Received(404, httpx.Headers(), b'{"detail": {"code": "DATA_NOT_FOUND"}}')
    assert prepared.fate(fine) is Fate.OK
    assert prepared.fate(Received(404, httpx.Headers(), b'{"detail": "gone"}')) is Fate.WRONG


@pytest.mark.parametrize("padding", range(60, 84, 3))
def test_half_a_secret_is_never_quoted(run: Run, padding: int) -> None:
    """Words are cut after some bytes, and a secret may lie across the cut."""
    prepared = one(run, "ocr_of_a_drawing")
    words = prepared.words(Received(500, httpx.Headers(), b"x" * padding + KEY.encode() + b" is wrong"))
    assert words.startswith("HTTP 500")
    assert KEY[:6] not in words


def test_a_redirect_is_told_with_its_place(run: Run) -> None:
    received = Received(307, httpx.Headers({"location": f"http://user:{KEY}@other.example/"}), b"")
    words = one(run, "ocr_of_a_drawing").words(received)
    assert "a redirect to http://***@other.example/" in words


NOW = dt.datetime(2026, 6, 1, 12, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("1", True),
        (" 30 ", True),
        ("0", False),
        ("-1", False),
        ("1.5", False),
        ("soon", False),
        ("", False),
        ("Mon, 01 Jun 2026 12:00:30 GMT", True),
        ("Mon, 01 Jun 2026 11:59:58 GMT", True),
        ("Mon, 01 Jun 2026 11:00:00 GMT", False),
        ("Mon, 99 Jun 2026 11:00:00 GMT", False),
    ],
)
def test_a_limit_says_when_to_come_back(value: str, says: bool) -> None:  # noqa: FBT001 - a column of the table
    assert says_when_to_retry(Received(429, httpx.Headers({"retry-after": value}), b""), NOW) is says


def test_a_limit_without_the_header_says_nothing() -> None:
    assert not says_when_to_retry(Received(429, httpx.Headers(), b""), NOW)
