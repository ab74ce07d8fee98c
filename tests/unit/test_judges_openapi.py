"""The judges of schemas: the form of answers, the OpenAPI document, and what becomes of generated requests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from checks import test_openapi as checks
from selfcheck.clients.platform import Met
from selfcheck.contract import Act, Expectation, Route, load
from selfcheck.fuzzing import Described, Made, Values
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.openapi import elsewhere
from selfcheck.verdict import Outcome, Verdict
from tests.unit.making import answer, page, promise

if TYPE_CHECKING:
    from selfcheck.target import Page

PASS, FAIL, INCONCLUSIVE, NOT_COVERED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_COVERED
WHERE = "GET http://platform/openapi.json"
ROUTE = Route(name="compare", method="POST", path="/api/compare")
ACT = Act(name="ask", route="compare", expect=Expectation(status=200, body={"success": True}))


def check(verdict: Verdict, outcome: Outcome, said: str = "") -> None:
    """Hold a verdict against what it should be: a breach always says what was observed, where, and how to see it."""
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict
    if outcome is FAIL:
        assert verdict.expected
        assert verdict.where
        assert verdict.reproduce


def lost(trouble: Trouble = Trouble.BROKEN_OFF) -> CouldNotObserve:
    return CouldNotObserve(trouble, asked="POST http://platform/api", came_back="the connection ended", hint="look")


def replies(*pages: Page, troubles: tuple[CouldNotObserve, ...] = (), credential: bool = True) -> checks.Replies:
    return checks.Replies(pages, troubles, credential, reproduce="curl http://platform/api")


# -------------------------------------------------------------------------------------------------------------- answers

ENTRIES = [
    {"path": "success", "type": "boolean"},
    {"path": "confidence", "type": "number", "minimum": 0, "maximum": 1, "nullable": True},
    {"path": "code", "type": "string", "optional": True, "one_of": ["A", "B"]},
    {"path": "results.*.ready", "type": "boolean"},
    {"path": "shares.*", "type": "number", "maximum": 1},
]
WHOLE: dict[str, Any] = {"success": True, "confidence": 0.5, "results": [{"ready": True}], "shares": {"a": 0.5}}


@pytest.mark.parametrize(
    ("changes", "outcome", "said"),
    [
        ({}, PASS, "5 entries as promised"),
        ({"confidence": None, "more": [1]}, PASS, ""),
        ({"code": "B"}, PASS, ""),
        ({"results": [], "shares": {}}, PASS, ""),
        ({"confidence": 1.2}, FAIL, "confidence is 1.2, above 1"),
        ({"confidence": "0.5"}, FAIL, 'confidence is string "0.5", not number'),
        ({"confidence": True}, FAIL, "confidence is boolean True"),
        ({"code": "C"}, FAIL, 'code is "C", not one of "A", "B"'),
        ({"code": None}, FAIL, "code is null"),
        ({"results": [{"ready": True}, {}]}, FAIL, "results.1.ready is missing"),
        ({"results": [{"ready": "yes"}]}, FAIL, "results.0.ready is string"),
        ({"shares": {"a": 0.1, "b": 7}}, FAIL, "shares.b is 7, above 1"),
        ({"success": "true"}, FAIL, "success is string"),
        ({"success": None}, FAIL, "success is null"),
        # A failure that was handled is no answer of this kind, and need not have what such an answer has.
        ({"success": False}, INCONCLUSIVE, "success = False"),
        ({"success": False, "results": [{}]}, INCONCLUSIVE, "success = False"),
    ],
    ids=str,
)
def test_fields(changes: dict[str, Any], outcome: Outcome, said: str) -> None:
    made = promise(checks.Fields, act="ask", entries=ENTRIES)
    check(checks.judge_fields(made, ACT, replies(page({**WHOLE, **changes}))), outcome, said)


@pytest.mark.parametrize(
    ("made", "outcome", "said"),
    [
        (replies(page(WHOLE), page({**WHOLE, "confidence": 7}, who="c:8000")), FAIL, "confidence is 7"),
        (replies(page({}, status=500)), FAIL, "HTTP 500"),
        (replies(page({}, status=401)), FAIL, "HTTP 401"),
        (replies(page({}, status=401), credential=False), NOT_COVERED, "needs a credential"),
        (replies(page({}, status=429)), INCONCLUSIVE, "HTTP 429"),
        (replies(page(WHOLE), troubles=(lost(),)), INCONCLUSIVE, "the connection ended"),
        (replies(page(b"<html>")), FAIL, "not JSON"),
        (replies(), INCONCLUSIVE, "nothing was looked at"),
    ],
)
def test_answers_that_tell_nothing_of_their_form(made: checks.Replies, outcome: Outcome, said: str) -> None:
    check(checks.judge_fields(promise(checks.Fields, act="ask", entries=ENTRIES), ACT, made), outcome, said)


def test_one_replica_is_named() -> None:
    made = promise(checks.Fields, act="ask", entries=ENTRIES)
    verdict = checks.judge_fields(made, ACT, replies(page(WHOLE), page({}, who="c:8000")))
    assert "(replica c:8000)" in verdict.where
    assert verdict.expected.startswith("success: boolean; confidence: number >= 0 <= 1 or null")


@pytest.mark.parametrize("status", [404, 405])
def test_a_route_that_is_elsewhere_is_no_breach(status: int) -> None:
    with pytest.raises(CouldNotObserve, match=r"api\.toml"):
        checks.judge_fields(promise(checks.Fields, act="ask", entries=ENTRIES), ACT, replies(page({}, status=status)))


# --------------------------------------------------------------------------------------------------------- the document


def document(**operation: Any) -> dict[str, Any]:
    """Make a document with one operation, `POST /api/compare`."""
    body = {"application/json": {"schema": {"$ref": "#/components/schemas/Request"}}}
    answers = {"200": {"description": "fine", "content": {"application/json": {"schema": SCHEMAS["Answer"]}}}}
    described = {"operationId": "compare", "requestBody": {"content": body}, "responses": answers, **operation}
    return {
        "openapi": "3.1.0",
        "info": {"title": "API", "version": "1"},
        "paths": {"/api/compare": {"post": described}},
        "components": {"schemas": {"Request": SCHEMAS["Request"]}},
    }


SCHEMAS: dict[str, dict[str, Any]] = {
    "Request": {
        "type": "object",
        "properties": {
            "query_features": {"type": "array", "items": {"type": "number"}},
            "candidate_hash": {"type": "string"},
        },
        "required": ["query_features", "candidate_hash"],
    },
    "Answer": {
        "type": "object",
        "properties": {"score": {"type": "number", "maximum": 1}, "error": {"type": ["string", "null"]}},
        "required": ["score"],
    },
}


@pytest.mark.parametrize(
    ("answered", "outcome", "said"),
    [
        ({"score": 1, "error": None, "more": 1}, PASS, "fits the document"),
        ({"score": "1"}, FAIL, "score:"),
        ({"score": 2}, FAIL, "score:"),
        ({}, FAIL, "score"),
        ({"score": 1, "error": 1}, FAIL, "error:"),
    ],
    ids=str,
)
def test_conforms(answered: object, outcome: Outcome, said: str) -> None:
    act = Act(name="ask", route="compare", expect=Expectation(status=200))
    check(checks.judge_conforms(act, ROUTE, replies(page(answered)), Described(document())), outcome, said)


def test_a_document_that_says_nothing_of_the_answer_is_no_breach() -> None:
    act = Act(name="ask", route="compare", expect=Expectation(status=200))
    silent = Described(document(responses={"200": {"description": "fine"}}))
    check(checks.judge_conforms(act, ROUTE, replies(page({"a": 1})), silent), PASS)
    elsewhere = Route(name="compare", method="POST", path="/compare")
    check(checks.judge_conforms(act, elsewhere, replies(page({})), silent), NOT_COVERED, "cannot tell")


@pytest.mark.parametrize(
    ("changes", "outcome", "said"),
    [
        ({}, PASS, "OpenAPI 3.1.0"),
        ({"openapi": "2.0"}, FAIL, 'openapi is "2.0", not a version 3'),
        ({"openapi": None}, FAIL, "openapi is None"),
        ({"info": {"title": "API"}}, FAIL, "info.version is missing"),
        ({"paths": []}, FAIL, "paths is []"),
        ({"paths": None}, FAIL, "paths is None"),
    ],
    ids=str,
)
def test_valid(changes: dict[str, Any], outcome: Outcome, said: str) -> None:
    check(checks.judge_valid({**document(), **changes}, "", "", where=WHERE), outcome, said)


def test_what_openapi_does_not_allow_is_a_breach_and_a_dialect_of_schemas_is_remarked() -> None:
    broken, _ = Described(document(parameters={"provider": {}})).problems()
    check(checks.judge_valid(document(), broken, "", where=WHERE), FAIL, "paths./api/compare.post")
    # Numbers came with 3.1, and are what many wrote before.
    schema = {"type": "integer", "exclusiveMinimum": 0}
    made = document(parameters=[{"name": "n", "in": "query", "schema": schema}])
    _, odd = Described({**made, "openapi": "3.0.2"}).problems()
    verdict = checks.judge_valid(document(), "", odd, where=WHERE)
    assert (verdict.outcome, len(verdict.notes)) == (PASS, 1)


@pytest.mark.parametrize(
    ("schema", "outcome", "said"),
    [
        ({"$ref": "#/components/schemas/Request"}, PASS, "2 references"),
        ({"$ref": "#/components/schemas/Nothing"}, FAIL, "#/components/schemas/Nothing"),
        ({"$ref": "#/paths/~1api~1compare/post"}, PASS, ""),
        ({"$ref": "#/paths/~1api~1other/post"}, FAIL, ""),
        ({"$ref": "https://example.com/schema.json"}, PASS, "1 references"),
        # A field may have that name, and an example is no part of the document.
        ({"type": "object", "properties": {"$ref": {"type": "string"}}}, PASS, ""),
        ({"example": {"$ref": "#/nowhere"}}, PASS, ""),
    ],
    ids=str,
)
def test_references(schema: object, outcome: Outcome, said: str) -> None:
    made = document(parameters=[{"name": "n", "in": "query", "schema": schema}])
    check(checks.judge_references(made, where=WHERE), outcome, said)


def test_operation_ids() -> None:
    made = document()
    check(checks.judge_operation_ids(made, [ROUTE], where=WHERE), PASS)
    made["paths"]["/other"] = {"get": {"operationId": "compare"}}
    check(checks.judge_operation_ids(made, [ROUTE], where=WHERE), FAIL, "'compare' is used by POST /api/compare, GET /")
    verdict = checks.judge_operation_ids(made, [], where=WHERE)
    assert (verdict.outcome, verdict.notes) == (PASS, ("operation ids used more than once: compare",))


@pytest.mark.parametrize(
    ("other", "outcome", "said"),
    [
        ({"a": [1, 2], "b": {"c": 1}}, PASS, "2 answers agree"),
        ({"b": {"c": 1}, "a": [2, 1], "servers": []}, PASS, ""),
        ({"a": [1, 2], "b": {}}, FAIL, "b.c is only in the first"),
        ({"a": [1, 2], "b": {"c": 1, "d": 2}}, FAIL, "b.d is only in the second"),
        ({"a": [1], "b": {"c": 1}}, FAIL, "a: [1, 2] and [1]"),
    ],
    ids=str,
)
def test_everywhere(other: object, outcome: Outcome, said: str) -> None:
    made = promise(checks.Everywhere, page="openapi", ignore=["servers"])
    first = page({"a": [1, 2], "b": {"c": 1}, "servers": [{"url": "/v1"}]})
    check(checks.judge_everywhere(made, [first, page(other)]), outcome, said)


def test_one_document_alone_tells_nothing() -> None:
    check(checks.judge_everywhere(promise(checks.Everywhere, page="openapi"), [page({})]), INCONCLUSIVE, "only one")


PROMISED: dict[str, Any] = {
    "route": "compare",
    "body": [
        {"name": "query_features", "type": "array", "items": "number", "required": True},
        {"name": "candidate_hash", "type": "string", "required": True},
    ],
    "answers": ["score", "error"],
}


def _request(**changes: Any) -> dict[str, Any]:
    schema = {**SCHEMAS["Request"], **changes}
    return {"content": {"application/json; charset=utf-8": {"schema": {"allOf": [schema]}}}}


def _field(schema: object) -> dict[str, Any]:
    return {"properties": {**SCHEMAS["Request"]["properties"], "query_features": schema}}


@pytest.mark.parametrize(
    ("operation", "outcome", "said"),
    [
        ({}, PASS, "described as promised"),
        ({"requestBody": _request()}, PASS, ""),
        (
            {"requestBody": _request(**_field({"anyOf": [SCHEMAS["Request"]["properties"]["query_features"]]}))},
            PASS,
            "",
        ),
        ({"requestBody": _request(**_field({}))}, PASS, ""),
        ({"requestBody": _request(**_field({"type": "string"}))}, FAIL, "query_features is string, not array"),
        (
            {"requestBody": _request(**_field({"type": "array", "items": {"type": "string"}}))},
            FAIL,
            "query_features holds string, not number",
        ),
        ({"requestBody": _request(properties={"candidate_hash": {}})}, FAIL, "its body has no field query_features"),
        ({"requestBody": {"content": {"text/plain": {}}}}, FAIL, "no body of type application/json"),
        ({"requestBody": None}, FAIL, "no body of type application/json"),
        (
            {"responses": {"200": {"content": {"application/json": {"schema": {"properties": {"score": {}}}}}}}},
            FAIL,
            "its answer has no field error",
        ),
    ],
)
def test_describes(operation: dict[str, Any], outcome: Outcome, said: str) -> None:
    made = promise(checks.Describes, **PROMISED)
    check(checks.judge_describes(made, ROUTE, document(**operation), where=WHERE), outcome, said)


@pytest.mark.parametrize(
    ("operation", "note"),
    [
        ({"responses": {"200": {"description": "fine"}}}, "the fields of its answer are not described"),
        (
            {"requestBody": {"content": {"application/json": {"schema": {}}}}},
            "the fields of its body are not described",
        ),
        ({"requestBody": _request(required=["query_features"])}, "candidate_hash need not be sent"),
        ({}, "it is not described which credential it takes"),
    ],
)
def test_what_a_document_leaves_open_is_remarked(operation: dict[str, Any], note: str) -> None:
    made = promise(checks.Describes, secured=True, **PROMISED)
    verdict = checks.judge_describes(made, ROUTE, document(**operation), where=WHERE)
    assert verdict.outcome is PASS
    assert f"POST /api/compare: {note}" in verdict.notes


def test_parameters() -> None:
    made = promise(
        checks.Describes,
        route="compare",
        parameters=[{"name": "provider"}, {"name": "Idempotency-Key", "place": "header", "optional": True}],
    )
    both = [{"name": "provider", "in": "query"}, {"name": "idempotency-key", "in": "header"}]
    check(checks.judge_describes(made, ROUTE, document(parameters=both), where=WHERE), PASS)
    verdict = checks.judge_describes(made, ROUTE, document(parameters=both[:1]), where=WHERE)
    assert (verdict.outcome, len(verdict.notes)) == (PASS, 1)
    check(checks.judge_describes(made, ROUTE, document(parameters=both[1:]), where=WHERE), FAIL, "parameter provider")
    above = document()
    above["paths"]["/api/compare"]["parameters"] = both
    check(checks.judge_describes(made, ROUTE, above, where=WHERE), PASS)


def test_a_route_that_is_not_described_is_for_another_check() -> None:
    verdict = checks.judge_describes(promise(checks.Describes, **PROMISED), ROUTE, {"paths": {}}, where=WHERE)
    check(verdict, NOT_COVERED, "does not describe POST /api/compare")


# --------------------------------------------------------------------------------------------------- generated requests

FUZZ: dict[str, Any] = {
    "route": "compare",
    "seed": 1,
    "valid": 1,
    "invalid": 1,
    "per_second": 10,
    "refuses": {"query_features": "numbers", "candidate_hash": "text"},
    "json_statuses": [422],
}


def attempt(came: object, *, body: str = "{}", again: tuple[Any, ...] = ()) -> Any:
    made = Made(valid=False, what="made", content=body.encode())
    return checks.Attempt(made, came, again, "curl http://platform/api")  # type: ignore[arg-type] # the cases know


@pytest.mark.parametrize(
    ("attempts", "outcome", "said"),
    [
        ([attempt(answer({}, status=422)), attempt(answer({}, status=404))], PASS, "answered 404, 422"),
        ([attempt(answer({}, status=422)), attempt(answer({}, status=500))], FAIL, 'HTTP 500 "{}"'),
        ([attempt(answer(b"<html>", status=503, content_type="text/html"))], FAIL, "HTTP 503"),
        ([attempt(answer(b"<html>", status=422))], FAIL, "which is not JSON"),
        ([attempt(answer({}, status=422, content_type="text/plain"))], FAIL, "content type text/plain"),
        ([attempt(answer({}, status=422, content_type="application/problem+json"))], PASS, ""),
        ([attempt(answer(b"<html>", status=413, content_type="text/html"))], PASS, "413"),
        ([attempt(lost(), again=(lost(), answer({}, status=422)))], FAIL, "no answer: the connection ended"),
        ([attempt(lost(), again=(answer({}, status=422),)), attempt(answer({})), attempt(answer({}))], FAIL, "missing"),
        ([attempt(lost(), again=(answer({}, status=422),)), attempt(answer({}, status=422))], PASS, "1 generated"),
        ([attempt(lost(Trouble.TIMED_OUT))], INCONCLUSIVE, "0 of 1"),
        ([attempt(answer({}, status=429)), attempt(answer({}, status=429))], INCONCLUSIVE, "a rate limit"),
        ([], INCONCLUSIVE, "0 of 0"),
    ],
)
def test_fuzz(attempts: list[Any], outcome: Outcome, said: str) -> None:
    check(checks.judge_fuzz(promise(checks.Fuzz, **FUZZ), attempts, where="POST http://platform/api"), outcome, said)


@pytest.mark.parametrize(
    ("body", "outcome", "said"),
    [
        ('{"query_features": [1, -2.5], "candidate_hash": "a"}', PASS, ""),
        # A lenient reader takes these for what they look like, and nobody has promised to refuse them.
        ('{"query_features": ["1.5", true], "candidate_hash": "a"}', PASS, ""),
        ('{"query_features": [1], "candidate_hash": 7}', PASS, ""),
        ('{"query_features": [], "candidate_hash": "a"}', PASS, ""),
        ('{"query_features": [1, null], "candidate_hash": "a"}', FAIL, "query_features holds null None"),
        ('{"query_features": ["one"], "candidate_hash": "a"}', FAIL, 'holds string "one"'),
        ('{"query_features": [[1]], "candidate_hash": "a"}', FAIL, "holds array"),
        ('{"query_features": "AAA", "candidate_hash": "a"}', FAIL, "query_features is string"),
        ('{"candidate_hash": "a"}', FAIL, "query_features is missing"),
        ('{"query_features": [1]}', FAIL, "candidate_hash is missing"),
        ('{"query_features": [1], "candidate_hash": null}', FAIL, "candidate_hash is null"),
        ("[1]", FAIL, "the body is array"),
        ('{"query_features": [1], "candidate_hash": "a"', FAIL, "the body is not JSON"),
        ("", FAIL, "the body is not JSON"),
    ],
)
def test_what_is_malformed_is_not_accepted(body: str, outcome: Outcome, said: str) -> None:
    made = promise(checks.Fuzz, **FUZZ)
    check(checks.judge_fuzz(made, [attempt(answer({}), body=body)], where="POST http://platform/api"), outcome, said)


def test_the_smallest_request_that_shows_a_breach_is_shown() -> None:
    attempts = [attempt(answer({}, status=500), body='{"a": "long"}'), attempt(answer({}, status=500), body="[]")]
    verdict = checks.judge_fuzz(promise(checks.Fuzz, **FUZZ), attempts, where="POST http://platform/api")
    assert '(made) "[]"' in verdict.observed
    assert verdict.notes[0].startswith("2 of 2 generated requests (seed 1)")


def test_generated_requests_are_the_same_each_time_and_keep_to_what_they_may_hold() -> None:
    values = Values({"candidate_hash": "KNOWN"}, emptied=("image_url",))
    described = document(
        requestBody={
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "candidate_hash": {"type": "string"},
                            "image_url": {"type": "string", "minLength": 3},
                            "count": {"type": "integer"},
                        },
                        "required": ["candidate_hash", "image_url", "count"],
                    }
                }
            }
        },
        parameters=[{"name": "X-API-Key", "in": "header", "required": True, "schema": {"type": "string"}}],
    )
    asked: dict[str, Any] = {"seed": 3, "valid": 3, "invalid": 6, "values": values, "taken": ["X-API-Key"]}
    made = Described(described).requests("POST", "/api/compare", **asked)
    assert made == Described(described).requests("POST", "/api/compare", **asked)
    assert [one.valid for one in made] == [False] * 6 + [True] * 3
    assert not any(name.lower() == "x-api-key" for one in made for name, _ in one.headers)
    bodies = [json.loads(one.content or b"null") for one in made if one.content]
    objects = [body for body in bodies if isinstance(body, dict)]
    assert not any(body.get("image_url") for body in objects if isinstance(body.get("image_url"), str))
    assert any(body.get("candidate_hash") == "KNOWN" for body in objects)


def test_a_document_from_which_nothing_can_be_made_says_so() -> None:
    with pytest.raises(ValueError, match="nothing"):
        Described(document()).requests("POST", "/nothing", seed=1, valid=1, invalid=1, values=Values())
    with pytest.raises(ValueError, match=r"\w"):
        Described({"no": "document"})


# ------------------------------------------------------------------------------------------ what is described is there


def met(*seen: tuple[str, str, int], entitled: bool = True, expected: bool = False) -> list[Met]:
    """Make what routes answered: (route, replica, status)."""
    return [Met(route, base, status, entitled, expected) for route, base, status in seen]


ROUTES = [Route(name="compare", method="POST", path="/api/compare"), Route(name="cache", method="GET", path="/cache")]


@pytest.mark.parametrize(
    ("seen", "outcome", "said"),
    [
        (met(("compare", "", 200), ("cache", "", 200)), PASS, "2 described routes"),
        (met(("compare", "", 200), ("cache", "", 401)), PASS, "2 described routes"),
        (met(("compare", "", 200), ("cache", "", 404)), FAIL, "HTTP 404 to every request, of the load balancer"),
        (met(("compare", "", 200), ("cache", "", 405)), FAIL, "HTTP 405 to every request"),
        (met(("compare", "", 404), ("compare", "", 400), ("cache", "", 200)), PASS, "2 described"),
        (met(("compare", "", 404), expected=True) + met(("cache", "", 200)), PASS, "2 described"),
        # One replica, while the others have it.
        (met(("cache", "", 200), ("compare", "r", 200), ("cache", "r", 404)), FAIL, "of replica r"),
        # What serves nothing of the API is no replica of it: a port for metrics, say.
        (met(("cache", "", 200), ("compare", "r", 404), ("cache", "r", 404)), PASS, "described"),
        # Strangers may be told that there is no such page, unless others of them are told something else.
        (met(("compare", "", 200)) + met(("cache", "", 404), entitled=False), PASS, "described"),
        (
            met(("compare", "", 200), ("compare", "r", 200))
            + met(("cache", "", 401), ("cache", "r", 404), entitled=False),
            FAIL,
            "of replica r",
        ),
        ([], INCONCLUSIVE, "nothing was looked at"),
    ],
)
def test_what_is_described_is_there(seen: list[Met], outcome: Outcome, said: str) -> None:
    check(checks.judge_served(ROUTES, seen, reproduce=lambda route, base: f"{base}{route.path}"), outcome, said)


PATHS = (
    "/health",
    "/api/v1/health",
    "/ready",
    "/api/compare",
    "/api/v1/compare",
    "/api/v1/providers/health",
    "/classify",
    "/classify/batch",
    "/admin/reset-circuit-breaker",
)


@pytest.mark.parametrize(
    ("path", "others", "found"),
    [
        ("/api/compare", ["/elsewhere/compare"], ["/elsewhere/compare"]),
        ("/api/compare", ["/api/v2/compare"], ["/api/v2/compare"]),
        ("/api/v1/providers/health", ["/api/v2/providers/health"], ["/api/v2/providers/health"]),
        # The same last word does not make it the same page.
        ("/api/v1/providers/health", ["/api/v1/models/health", "/health"], []),
        ("/classify/batch", ["/api/v1/ocr/batch"], []),
        ("/health", ["/api/v1/models/health"], []),
        ("/health", ["/api/v2/health"], ["/api/v2/health"]),
        ("/admin/reset-circuit-breaker", ["/ops/reset-circuit-breaker"], ["/ops/reset-circuit-breaker"]),
        ("/api/compare", ["/api/v1/compare"], []),
    ],
)
def test_where_a_route_may_have_moved(path: str, others: list[str], found: list[str]) -> None:
    made: dict[str, Any] = {"paths": {other: {"post": {}} for other in others}}
    assert elsewhere(made, "POST", path, PATHS) == found
    assert elsewhere(made, "GET", path, PATHS) == []


@pytest.mark.parametrize(
    ("deprecated", "path", "outcome"),
    [(True, "/api/compare", FAIL), (False, "/api/compare", PASS), (True, "/api/old", PASS)],
)
def test_promised_routes_are_not_deprecated(path: str, outcome: Outcome, *, deprecated: bool) -> None:
    made = {"paths": {path: {"post": {"deprecated": deprecated, "responses": {}}}}}
    check(checks.judge_deprecated(made, [ROUTE], where=WHERE), outcome)


(LEADS,) = load().promises("openapi.leads", checks.Leads)
DOCUMENT = Route(name="openapi", method="GET", path="/openapi.json")


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("const ui = SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui' })", PASS),
        ("const ui = SwaggerUIBundle({ url: '/behind/a/prefix/openapi.json' })", PASS),
        ('<redoc spec-url="https://api.example/openapi.json?v=3"></redoc>', PASS),
        ("urls: ['/v1/openapi.json', '/openapi.json']", PASS),
        ("url: 'https://petstore.example/v2/swagger.json'", FAIL),
        ("url: '/openapi.json.old/openapi.yaml'", FAIL),
        # One that is made by a script names nothing that could be compared.
        ("<script src='/static/swagger-ui-bundle.js'></script>", NOT_COVERED),
    ],
)
def test_the_document_that_is_shown(text: str, outcome: Outcome) -> None:
    check(checks.judge_leads(LEADS, DOCUMENT, answer(text.encode(), content_type="text/html")), outcome)


@pytest.mark.parametrize(
    ("bodies", "statuses", "outcome"),
    [
        ([{"a": 1}, {"a": 2}], [200, 200], PASS),
        ([{"a": 1}, {"a": "x"}], [200, 200], FAIL),
        ([{"a": 1}, {"a": "x"}], [200, 404], PASS),
        ([{"a": 1}], [404], NOT_COVERED),
    ],
)
def test_pages_fit_the_document(bodies: list[object], statuses: list[int], outcome: Outcome) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    content = {"application/json": {"schema": schema}}
    described = {"responses": {"200": {"description": "fine", "content": content}, "404": {"description": "none"}}}
    made = Described({"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/p": {"get": described}}})
    pages = [page(body, status=status) for body, status in zip(bodies, statuses, strict=True)]
    check(checks.judge_conforms_page(Route(name="p", method="GET", path="/p"), pages, made), outcome)
