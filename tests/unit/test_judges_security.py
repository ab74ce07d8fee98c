"""The judges of security: each way to break a promise, and each legal form of a careful platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from checks import test_security as security
from checks.test_security import Asked, Attempt, Fetch, Text, Trespass, Tried
from selfcheck.canary import TEXT
from selfcheck.clients.tls import Handshake
from selfcheck.contract import Promise, load
from selfcheck.exposition import parse
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.verdict import Outcome, Verdict
from tests.unit.making import NOW, answer, page, promise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from selfcheck.clients.http import Answer
    from selfcheck.target import Page

PASS, FAIL, INCONCLUSIVE, NOT_COVERED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_COVERED
ACTS = load().acts
LOST = CouldNotObserve(Trouble.TIMED_OUT, asked="GET /page", came_back="nothing for 10 s", hint="look")
REFUSAL = {"detail": {"code": "AUTH_FAILED", "message": "no"}}


def of_contract(kind: str, model: type[Promise], promise_id: str) -> Any:
    return next(found for found in load().promises(kind, model) if found.id == promise_id)


def check(verdict: Verdict, outcome: Outcome, said: str = "") -> None:
    """Hold a verdict against what it should be: a breach says what was observed, where, and how to see it."""
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict
    if outcome is FAIL:
        assert verdict.expected
        assert verdict.where
        assert verdict.reproduce


def asked(came: Answer | CouldNotObserve, what: str = "asked") -> Asked:
    return Asked(what, came, "curl http://platform/page")


# ------------------------------------------------------------------------------------------------------ who is let in

NOT_FOUND = {"detail": {"code": "DATA_NOT_FOUND"}}


@pytest.mark.parametrize(
    ("came", "outcome", "said"),
    [
        (answer(REFUSAL, status=401), PASS, ""),
        (answer(REFUSAL, status=403), FAIL, "without a credential: HTTP 403"),
        (answer(NOT_FOUND, status=404), FAIL, "let in without a credential"),
        (answer({"detail": "Not Found"}, status=404), NOT_COVERED, "no such route"),
        (answer(status=405), NOT_COVERED, "no such route"),
        (answer({"similarity": 1.0}), FAIL, "HTTP 200"),
        (answer(b"<html>", content_type="text/html"), FAIL, "HTTP 200"),
        (answer(status=422), FAIL, "HTTP 422"),
        (answer(status=429), INCONCLUSIVE, "HTTP 429"),
        (answer(status=500), FAIL, "HTTP 500"),
        (LOST, INCONCLUSIVE, "nothing for 10 s"),
    ],
)
def test_a_direct_attempt_is_refused_as_promised(came: Answer, outcome: Outcome, said: str) -> None:
    attempt = Attempt(statuses=(401,))
    made = promise(security.Refused, act="compare_unknown_candidate", attempts=[attempt])
    tries = [Tried(attempt, "", asked(came, "without a credential"))]
    check(security.judge_refused(made, ACTS["compare_unknown_candidate"], tries), outcome, said)


CACHE = {"status": "ok", "hits": 1, "misses": 2}


@pytest.mark.parametrize(
    ("attempt", "came", "outcome"),
    [
        ({"path": "{path}/"}, answer(status=307, headers={"location": "/x"}), PASS),
        ({"path": "{path}/"}, answer(status=404), PASS),
        ({"path": "{path}/"}, answer(status=400), PASS),
        ({"path": "{path}/"}, answer(CACHE), FAIL),
        ({"path": "{path}/"}, answer(b"<html>", content_type="text/html"), PASS),
        ({"path": "{path}/"}, answer(status=502), FAIL),
        ({"path": "/health"}, answer({"status": "healthy"}), PASS),
        ({"path": "/health"}, answer(CACHE), FAIL),
        ({"method": "HEAD"}, answer(status=405), PASS),
        ({"method": "HEAD"}, answer(status=501), PASS),
        ({"method": "HEAD"}, answer(content_type="text/html"), PASS),
        ({"method": "HEAD"}, answer(), FAIL),
        ({"headers": {"X-Forwarded-For": "127.0.0.1"}}, answer(CACHE), FAIL),
        ({"headers": {"X-Forwarded-For": "127.0.0.1"}}, answer(REFUSAL, status=401), PASS),
    ],
    ids=str,
)
def test_no_way_around(attempt: dict[str, Any], came: Answer, outcome: Outcome) -> None:
    made = promise(
        security.Refused, act="classifier_cache_statistics", shows=["hits", "misses"], attempts=[Attempt(**attempt)]
    )
    tries = [Tried(made.attempts[0], "", asked(came))]
    check(security.judge_refused(made, ACTS["classifier_cache_statistics"], tries), outcome)


@pytest.mark.parametrize(
    ("came", "outcome"),
    [
        (answer({"detail": "nobody-0123456789 is no key"}, status=401), FAIL),
        (answer(REFUSAL, status=401, headers={"x-seen": "nobody-0123456789"}), FAIL),
        (answer({"detail": "nobody is no key"}, status=401), PASS),
    ],
)
def test_a_refusal_does_not_repeat_the_credential(came: Answer, outcome: Outcome) -> None:
    attempt = Attempt(credential="unknown", statuses=(401,))
    made = promise(security.Refused, act="compare_unknown_candidate", attempts=[attempt])
    tries = [Tried(attempt, "nobody-0123456789", asked(came))]
    verdict = security.judge_refused(made, ACTS["compare_unknown_candidate"], tries)
    check(verdict, outcome)
    assert "nobody-0123456789" not in verdict.observed


@pytest.mark.parametrize(
    ("through", "directly", "outcome", "note"),
    [
        (401, [401, 401], PASS, ""),
        (401, [401, 404], FAIL, ""),
        (401, [404, 404], PASS, "replicas do not look at credentials"),
        (404, [404, 404], FAIL, ""),
    ],
)
def test_replicas(through: int, directly: list[int], outcome: Outcome, note: str) -> None:
    attempt = Attempt(credential="unknown", statuses=(401,), each_replica=True)
    made = promise(security.Refused, act="compare_unknown_candidate", attempts=[attempt])

    def came(status: int) -> Asked:
        return asked(answer(NOT_FOUND if status == 404 else REFUSAL, status=status))

    tries = [Tried(attempt, "", came(through))]
    tries += [Tried(attempt, "", came(status), f"replica-{number}") for number, status in enumerate(directly)]
    verdict = security.judge_refused(made, ACTS["compare_unknown_candidate"], tries)
    check(verdict, outcome)
    assert note in " ".join(verdict.notes)


def trespass(**seen: Any) -> Trespass:
    """What a careful platform shows, apart from what is given."""
    no = asked(answer(REFUSAL, status=401))
    usual: dict[str, Any] = {
        "registered": (no, no),
        "removed": (no, no),
        "known": no,
        "unknown": no,
        "ours": asked(answer({"similarity": 1.0})),
        "theirs": (asked(answer(NOT_FOUND, status=404)),),
    }
    return Trespass(**{**usual, **seen})


@pytest.mark.parametrize(
    ("seen", "outcome", "said"),
    [
        ({}, PASS, ""),
        ({"registered": (asked(answer(REFUSAL, status=403)),)}, PASS, ""),
        ({"registered": (asked(answer({"id": "x"})),)}, FAIL, "HTTP 200"),
        ({"removed": (asked(answer({"id": "x"})),)}, FAIL, "HTTP 200"),
        ({"removed": (asked(answer(NOT_FOUND, status=404)),)}, FAIL, "HTTP 404"),
        ({"removed": (asked(answer(status=404)),), "can_remove": False}, PASS, ""),
        ({"ours": asked(answer(NOT_FOUND, status=404))}, FAIL, "gone"),
        ({"ours": asked(answer(status=429))}, INCONCLUSIVE, "HTTP 429"),
        ({"theirs": (asked(answer({"similarity": 1.0})),)}, FAIL, "a refused registration was kept"),
        ({"registered": (asked(LOST),)}, INCONCLUSIVE, "nothing for 10 s"),
    ],
    ids=str,
)
def test_a_refused_request_changes_nothing(seen: dict[str, Any], outcome: Outcome, said: str) -> None:
    made = of_contract("security.harmless", security.Harmless, "security.refused_requests_change_nothing")
    check(security.judge_harmless(made, ACTS["compare_with_a_candidate"], trespass(**seen)), outcome, said)


@pytest.mark.parametrize(
    ("known", "unknown", "outcome", "said"),
    [
        (answer(REFUSAL, status=401), answer(REFUSAL, status=401), PASS, ""),
        (answer(b"no", status=401), answer(b"no", status=401), PASS, "without JSON"),
        (answer({"a": "of one", "request_id": 1}), answer({"a": "of two", "request_id": 2}), PASS, ""),
        (answer(REFUSAL, status=401), answer(NOT_FOUND, status=404), FAIL, "HTTP 401 for one that exists, HTTP 404"),
        (answer(REFUSAL, status=401), answer(NOT_FOUND, status=401), FAIL, "detail.code"),
        (answer(REFUSAL, status=401), LOST, INCONCLUSIVE, "nothing for 10 s"),
    ],
)
def test_a_refusal_tells_nothing(known: Answer, unknown: Answer, outcome: Outcome, said: str) -> None:
    made = of_contract("security.indifferent", security.Indifferent, "security.refusals_tell_nothing")
    seen = trespass(known=asked(known), unknown=asked(unknown), candidate="one", absent="two")
    check(security.judge_indifferent(made, seen), outcome, said)


# ------------------------------------------------------------------------------- where the platform lets itself be led


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        ({}, PASS),
        ({"location": "/health"}, PASS),
        ({"location": "http://platform/foreign.example/"}, PASS),
        ({"location": "https://sso.example.com/?next=https://foreign.example"}, PASS),
        ({"location": "https://foreign.example/"}, FAIL),
        ({"location": "https://www.foreign.example/"}, FAIL),
        ({"location": "https://user@foreign.example:8443/"}, FAIL),
        ({"location": "//foreign.example/"}, FAIL),
        ({"location": "///foreign.example/"}, FAIL),
        ({"location": "/\\foreign.example/"}, FAIL),
        ({"location": "https:/\\foreign.example/"}, FAIL),
        ({"location": "https://notforeign.example/"}, PASS),
        ({"location": "http://[/"}, PASS),
        ({"refresh": "0; url=https://foreign.example/"}, FAIL),
    ],
    ids=str,
)
def test_no_page_leads_elsewhere(headers: dict[str, str], outcome: Outcome) -> None:
    made = promise(security.Leads, act="ask_for_health", host="foreign.example", paths=["//{host}/"])
    check(security.judge_leads(made, [asked(answer(status=307, headers=headers))]), outcome)


@pytest.mark.parametrize(("status", "outcome"), [(500, FAIL), (429, INCONCLUSIVE), (404, PASS)])
def test_what_a_page_that_is_asked_oddly_answers(status: int, outcome: Outcome) -> None:
    made = promise(security.Leads, act="ask_for_health", host="foreign.example", paths=["//{host}/"])
    check(security.judge_leads(made, [asked(answer(status=status))]), outcome)


@pytest.mark.parametrize(
    ("came", "fetched", "outcome", "said"),
    [
        (answer({"success": False, "code": "INPUT_ERROR"}), False, PASS, "none was fetched"),
        (answer({"success": False, "code": "NETWORK_ERROR"}), False, PASS, ""),
        (answer({"detail": "no"}, status=422), False, PASS, ""),
        (answer({"detail": "no"}, status=400), False, PASS, ""),
        (answer({"success": False, "code": "INPUT_ERROR"}), True, FAIL, "http://127.0.0.1/x was fetched"),
        (LOST, True, FAIL, "was fetched"),
        (answer({"success": True}), False, FAIL, "success = True"),
        (answer({}), False, FAIL, "success = missing"),
        (answer(b"<html>"), False, FAIL, "not JSON"),
        (answer({"success": False, "error": f"no image: {TEXT}"}), False, FAIL, "the answer has what stands there"),
        (answer(status=500), False, FAIL, "HTTP 500"),
        (answer(status=401), False, NOT_COVERED, "a key is needed"),
        (answer(status=404), False, NOT_COVERED, "no such route"),
        (answer(status=429), False, INCONCLUSIVE, "HTTP 429"),
        (LOST, False, INCONCLUSIVE, "nothing for 10 s"),
    ],
)
def test_nothing_is_fetched(came: Answer, outcome: Outcome, said: str, *, fetched: bool) -> None:
    made = promise(
        security.Unled, act="vision_of_an_address", success="success", addresses=["http://x"], private_networks=[]
    )
    check(security.judge_unled(made, [Fetch(asked(came, "http://127.0.0.1/x"), fetched)], nearby=True), outcome, said)


def test_what_cannot_be_led_to_us_is_judged_by_its_answers() -> None:
    made = promise(
        security.Unled, act="vision_of_an_address", success="success", addresses=["http://x"], private_networks=[]
    )
    verdict = security.judge_unled(made, [Fetch(asked(answer({"success": False})), was_fetched=False)], nearby=False)
    assert verdict.observed == "1 addresses refused; judged by the answers alone, since the platform runs elsewhere"


@pytest.mark.parametrize(
    ("loopback", "near", "outcome"),
    [
        ("INPUT_ERROR", "INPUT_ERROR", PASS),
        ("INPUT_ERROR", "NETWORK_ERROR", FAIL),
        # This platform has one code for what it does not fetch, for whatever reason.
        ("NETWORK_ERROR", "NETWORK_ERROR", PASS),
        ("INPUT_ERROR", "INTERNAL_ERROR", PASS),
    ],
)
def test_an_address_that_was_tried_is_answered_otherwise(loopback: str, near: str, outcome: Outcome) -> None:
    made = promise(
        security.Unled,
        act="vision_of_an_address",
        success="success",
        code="code",
        tried={"codes": ["NETWORK_ERROR"], "addresses": ["http://10."]},
        addresses=["http://x"],
        private_networks=[],
    )
    codes = {"http://127.0.0.1/x": loopback, "http://localhost./x": "NETWORK_ERROR", "http://10.0.0.1/x": near}
    fetches = [
        Fetch(asked(answer({"success": False, "code": code}), url), was_fetched=False) for url, code in codes.items()
    ]
    said = "http://10.0.0.1/x: code" if outcome is FAIL else ""
    check(security.judge_unled(made, fetches, nearby=True), outcome, said)


def test_an_own_origin_is_not_taken_for_a_foreign_one() -> None:
    every = ["https://foreign{host}", "https://{host_x}"]
    assert security._origins(every, "a.example") == ["https://foreigna.example", "https://axexample"]
    assert security._origins(every, "localhost") == ["https://foreignlocalhost"]


@pytest.mark.parametrize(
    ("origin", "allowed", "credentials", "outcome"),
    [
        ("https://foreign.example", None, None, PASS),
        ("https://foreign.example", "*", None, PASS),
        ("https://foreign.example", "*", "false", PASS),
        ("https://foreign.example", "https://foreign.example", None, PASS),
        ("https://foreign.example", "https://app.example.com", "true", PASS),
        ("https://foreign.example", "*", "true", FAIL),
        ("https://foreign.example", "https://foreign.example", "true", FAIL),
        ("https://foreign.example", "HTTPS://foreign.example", "True", FAIL),
        ("null", "null", "true", FAIL),
    ],
)
def test_cors(origin: str, allowed: str | None, credentials: str | None, outcome: Outcome) -> None:
    made = promise(security.Cors, acts=["ask_for_health"], origins=[origin], preflight={})
    headers = {"access-control-allow-origin": allowed, "access-control-allow-credentials": credentials}
    came = answer(headers={name: value for name, value in headers.items() if value is not None})
    check(security.judge_cors(made, [(origin, asked(answer())), (origin, asked(came))]), outcome)


# ------------------------------------------------------------------------------------------- what answers give away

SILENT = of_contract("security.silent", security.Silent, "security.errors_are_silent")


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("Not Found", PASS),
        ("JSON decode error: Expecting value: line 1 column 21 (char 20)", PASS),
        ("the path /no-such-page does not exist", PASS),
        ("see https://docs.example.com/usr/share/errors.html", PASS),
        ("POST /api/v1/ocr/extract is not allowed", PASS),
        ("Missing boundary in multipart. Please select a file from your disk", PASS),
        ("ValueError", PASS),
        ("Traceback (most recent call last):", FAIL),
        ('File "compare.py", line 12, in parse', FAIL),
        ("no file /srv/platform/static/x", FAIL),
        ("cannot open /etc/platform/key", FAIL),
        ("in /app/main.py", FAIL),
        ("C:\\Users\\platform\\main", FAIL),
        ("json.decoder.JSONDecodeError: Expecting value", FAIL),
        ("PIL.UnidentifiedImageError: cannot identify", FAIL),
        ("<class 'ValueError'>", FAIL),
        ("<_io.BytesIO object at 0x7f3c55>", FAIL),
        ("SELECT id FROM ocr_requests WHERE id = 1", FAIL),
        ("sqlalchemy failed", FAIL),
        ("your key is 0123456789abcdef", FAIL),
    ],
)
def test_errors_are_silent(said: str, outcome: Outcome) -> None:
    came = answer({"detail": said}, status=422)
    verdict = security.judge_silent(SILENT, [asked(came)], lambda text: "0123456789abcdef" in text)
    check(verdict, outcome)
    assert "0123456789abcdef" not in verdict.observed


def test_a_mistake_of_ours_is_no_failure_of_the_server() -> None:
    check(security.judge_silent(SILENT, [asked(answer(status=500))], lambda _: False), FAIL, "HTTP 500")
    check(security.judge_silent(SILENT, [asked(answer(status=429))], lambda _: False), INCONCLUSIVE)
    check(security.judge_silent(SILENT, [asked(LOST)], lambda _: False), INCONCLUSIVE)


INSIDE = of_contract("security.inside", security.Inside, "security.nothing_of_the_inside_is_served")


@pytest.mark.parametrize(
    ("came", "outcome", "said"),
    [
        (answer(b"API_KEY=1\nREDIS_URL=redis://redis\n"), FAIL, "shows settings to anybody"),
        (answer(b"[core]\n\tbare = false\n"), FAIL, "shows a repository"),
        (answer({"env": {"PATH": "/usr/bin"}}), FAIL, "shows the environment"),
        (answer({"redis": "redis://app:hunter2@redis"}), FAIL, "shows a password in an address"),
        (answer({"redis": "redis://app:***@redis"}), PASS, "1 paths"),
        (answer(b"<html>Try our <a href='/?ref=1'>app</a></html>"), PASS, ""),
        (answer({"detail": "Not Found"}, status=404), PASS, ""),
        (answer(b"API_KEY=1", status=403), PASS, ""),
        (LOST, INCONCLUSIVE, ""),
    ],
)
def test_nothing_of_the_inside_is_served(came: Answer | CouldNotObserve, outcome: Outcome, said: str) -> None:
    check(security.judge_inside(INSIDE, [asked(came)], lambda _: False), outcome, said)


def test_a_credential_of_ours_is_of_the_inside() -> None:
    verdict = security.judge_inside(INSIDE, [asked(answer({"key": "0123456789abcdef"}))], lambda text: "0123" in text)
    check(verdict, FAIL, "a credential of this run")
    assert "0123" not in verdict.observed


def test_documented_pages_of_the_inside_are_found() -> None:
    paths = ["/debug/env", "/api/v1/config", "/jobs/{id}/debug", "/health", "/environments", "/internal/vars"]
    document: dict[str, Any] = {"paths": {path: {"get": {}} for path in paths} | {"/env": {"post": {}}}}
    found = security.documented_inside(INSIDE, document, ["/internal/vars"])
    assert found == ["/debug/env", "/api/v1/config"]


UNSHARED = of_contract("security.unshared", security.Unshared, "security.no_cache_keeps_answers_for_others")


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        ("", PASS),
        ("no-store", PASS),
        ("private, max-age=60", PASS),
        ("max-age=0, s-maxage=0", PASS),
        ("public, max-age=3600", FAIL),
        ("max-age=60,Public", FAIL),
        ("s-maxage=60", FAIL),
    ],
)
def test_no_cache_keeps_answers_for_others(value: str, outcome: Outcome) -> None:
    answers = [answer({}), answer({}, headers={"cache-control": value})]
    check(security.judge_unshared(UNSHARED, answers), outcome)
    check(security.judge_unshared(UNSHARED, []), NOT_COVERED)


def with_headers(*values: Mapping[str, str], who: str = "") -> list[Page]:
    return [page(headers=dict(value), who=who) for value in values]


NOSNIFF, WRONG = {"x-content-type-options": "nosniff"}, {"x-content-type-options": "sniff"}


@pytest.mark.parametrize(
    ("pages", "environment", "outcome", "said"),
    [
        (with_headers(NOSNIFF, {"X-Content-Type-Options": "NoSniff"}), "ad-hoc", PASS, "on 2 answers"),
        (with_headers(NOSNIFF, {}), "ad-hoc", FAIL, "missing on HTTP 200; right on 1 of 2 answers"),
        (with_headers({}, WRONG), "ad-hoc", FAIL, '"X-Content-Type-Options: sniff" on HTTP 200'),
        (with_headers({}, {}), "ad-hoc", NOT_COVERED, "on none of 2 answers"),
        (with_headers({}, {}), "staging", FAIL, "missing on HTTP 200; right on 0 of 2 answers"),
        ([*with_headers(NOSNIFF), *with_headers(NOSNIFF, {}, who="b")], "ad-hoc", FAIL, "right on 2 of 3"),
        # The load balancer adds them.
        ([*with_headers(NOSNIFF), *with_headers({}, {}, who="b")], "staging", PASS, "on 1 answers"),
    ],
)
def test_headers(pages: list[Page], environment: str, outcome: Outcome, said: str) -> None:
    made = promise(
        security.Headers,
        pages=["health"],
        any_of={"X-Content-Type-Options": "nosniff"},
        required_in=["staging"],
    )
    check(security.judge_headers(made, pages, environment), outcome, said)


@pytest.mark.parametrize(
    ("name", "value", "outcome"),
    [
        ("X-Frame-Options", "DENY", PASS),
        ("X-Frame-Options", "SameOrigin", PASS),
        ("X-Frame-Options", "ALLOWALL", FAIL),
        ("Content-Security-Policy", "frame-ancestors 'none'", PASS),
        ("Content-Security-Policy", "default-src 'self'; frame-ancestors 'self'", PASS),
        ("Content-Security-Policy", "default-src 'self'", FAIL),
        ("Referrer-Policy", "no-referrer", PASS),
        ("Referrer-Policy", "no-referrer, strict-origin-when-cross-origin", PASS),
        ("Referrer-Policy", "unsafe-url", FAIL),
    ],
)
def test_values_of_the_headers_in_the_contract(name: str, value: str, outcome: Outcome) -> None:
    made = next(found for found in load().promises("security.headers", security.Headers) if name in found.any_of)
    check(security.judge_headers(made, with_headers({name: value}), "staging"), outcome)


@pytest.mark.parametrize(
    ("cookie", "outcome"),
    [
        ("session=1; Path=/", FAIL),
        ("app_session_id=1", FAIL),
        ("auth-token=1", FAIL),
        ("AWSALB=1", PASS),
        ("SERVERID=1", PASS),
        ("JSESSIONID=1", PASS),
        ("route=1", PASS),
    ],
)
def test_cookies(cookie: str, outcome: Outcome) -> None:
    made = of_contract("security.cookies", security.Cookies, "security.no_session_for_strangers")
    verdict = security.judge_cookies(made, [page(), page(headers={"set-cookie": cookie})])
    check(verdict, outcome)
    assert bool(verdict.notes) is (outcome is PASS)


@pytest.mark.parametrize("promise_id", ["security.no_secrets_in_metrics", "security.no_secrets_in_documentation"])
@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ('"redis://redis:6379/0" and "https://example.com/a@b"', PASS),
        ('"postgresql://user:***@postgres/cad" and "postgresql://user:password@postgres/cad"', PASS),
        ('"X-API-Key" in header, name="api_key"', PASS),
        ("postgresql://app:9f2kQ7wLx3@postgres:5432/cad", FAIL),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEAxyz0123456789", FAIL),
        ("AKIAIOSFODNN7ABCDEFG", FAIL),
        ("our-own-key-0123456789", FAIL),
    ],
)
def test_leaks(promise_id: str, text: str, outcome: Outcome) -> None:
    made = of_contract("security.leaks", security.Leaks, promise_id)
    texts = [Text("GET http://platform/page", "curl http://platform/page", each) for each in ("nothing", text)]
    verdict = security.judge_leaks(made, texts, lambda text: "our-own-key" in text)
    check(verdict, outcome)
    assert "9f2kQ7wLx3" not in verdict.observed


def test_all_words_of_a_metrics_page_are_searched() -> None:
    page_of_metrics = (
        "# HELP a_total Requests of redis://:hunter2@cache.\n# TYPE a_total counter\n"
        'a_total{key="k1",who="x"} 1\na_total{key="k2",who="x"} 1\n'
    )
    text = security.text_of_metrics(parse(page_of_metrics))
    assert all(word in text for word in ("hunter2", "k1", "k2", "a"))
    assert text.count("who") == 1


@pytest.mark.parametrize(
    ("to", "status", "outcome"),
    [
        ("anybody", 200, PASS),
        ("anybody", 401, FAIL),
        ("anybody", 403, FAIL),
        ("anybody", 404, NOT_COVERED),
        ("nobody", 200, FAIL),
        ("nobody", 401, PASS),
        ("nobody", 404, PASS),
    ],
)
def test_who_sees_a_page(to: str, status: int, outcome: Outcome) -> None:
    made = promise(security.Exposed, page="docs", to=to)
    check(security.judge_exposed(made, answer(b"<html>", status=status)), outcome)


# ----------------------------------------------------------------------------------------------------------------- TLS

DAY = 86_400.0
REFUSED = {"TLSv1": Handshake(problem="alert"), "TLSv1_1": Handshake(problem="alert")}


@pytest.mark.parametrize(
    ("careful", "old", "outcome", "said", "note"),
    [
        (Handshake("TLSv1.3", NOW + 90 * DAY), {}, PASS, "TLSv1.3; the certificate ends in 90.0 days", ""),
        (Handshake("TLSv1.2", NOW + 22 * DAY), {}, PASS, "", ""),
        (Handshake("TLSv1.3", NOW + 20 * DAY), {}, PASS, "", "ends in 20.0 days: renew it"),
        (Handshake("TLSv1.3", NOW + 6 * DAY), {}, FAIL, "ends in 6.0 days", ""),
        (Handshake(problem="certificate has expired"), {}, FAIL, "certificate has expired", ""),
        (Handshake("TLSv1.1", NOW + 90 * DAY), {}, FAIL, "TLSv1.1 was agreed upon", ""),
        (Handshake("TLSv1.3", NOW + 90 * DAY), {"TLSv1_1": Handshake("TLSv1.1")}, FAIL, "TLSv1_1 is spoken", ""),
        (
            Handshake("TLSv1.3", NOW + 90 * DAY),
            {"TLSv1": Handshake(problem="NO_PROTOCOLS_AVAILABLE", untried=True)},
            PASS,
            "",
            "TLSv1 cannot be tried from this machine",
        ),
    ],
)
def test_tls(careful: Handshake, old: dict[str, Handshake], outcome: Outcome, said: str, note: str) -> None:
    made = of_contract("security.tls", security.Tls, "security.tls")
    verdict = security.judge_tls(made, careful, REFUSED | old, NOW, where="TLS of h:443", reproduce="openssl s_client")
    check(verdict, outcome, said)
    assert note in " ".join(verdict.notes)
    assert bool(verdict.notes) is bool(note)


def test_the_contract_says_how_each_direct_attempt_is_refused() -> None:
    for made in load().promises("security.refused", security.Refused):
        for attempt in made.attempts:
            assert attempt.statuses or attempt.path or attempt.method or attempt.headers, made.id
