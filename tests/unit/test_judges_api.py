"""The judges of the documentation: it is served, and describes what was promised."""

from __future__ import annotations

from typing import Any

import pytest

from checks import test_api as api
from selfcheck.contract import Route
from selfcheck.verdict import Outcome
from tests.unit.making import PLACE, answer, promise

PASS, FAIL, NOT_COVERED = Outcome.PASS, Outcome.FAIL, Outcome.NOT_COVERED


@pytest.mark.parametrize(
    ("body", "more", "outcome", "said"),
    [
        (b"<title>API - Swagger UI</title>", {}, PASS, "bytes"),
        (b"<redoc spec-url='/openapi.json'>", {"content_type": "text/html; charset=utf-8"}, PASS, ""),
        (b"<form>Login</form>", {}, FAIL, "none of them"),
        (b"", {}, FAIL, "none of them"),
        (b"swagger", {"status": 404}, FAIL, "HTTP 404"),
        (b"swagger", {"content_type": "application/json"}, FAIL, "application/json"),
        (b"swagger", {"content_type": None}, FAIL, "no content type"),
    ],
)
def test_documentation(body: bytes, more: dict[str, Any], outcome: Outcome, said: str) -> None:
    made = promise(api.Documentation, page="docs", content_type="text/html", contains=["swagger", "redoc"])
    verdict = api.judge_documentation(made, answer(body, **{"content_type": "text/html", **more}))
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict


DESCRIBED = {"responses": {"200": {"description": "fine"}}}


@pytest.mark.parametrize(
    ("document", "outcome", "said"),
    [
        ({"paths": {"/api/compare": {"post": DESCRIBED}}}, PASS, "described"),
        ({"paths": {"/api/compare": {"parameters": [], "post": DESCRIBED, "get": {}}}}, PASS, ""),
        ({"paths": {"/api/compare": {"get": DESCRIBED}}}, FAIL, "the path is there, with GET"),
        ({"paths": {"/api/compare": {}}}, FAIL, "with no method"),
        ({"paths": {"/api/compare": {"post": {"responses": {}}}}}, FAIL, "names no responses"),
        ({"paths": {"/api/compare": {"post": {}}}}, FAIL, "names no responses"),
        ({"paths": {"/api/compare": None}}, FAIL, "not among the 1 paths"),
        ({"paths": {"/api/compare/": {"post": DESCRIBED}}}, FAIL, "not among the 1 paths"),
        ({"paths": {"/v2/compare": {"post": DESCRIBED}}}, NOT_COVERED, "it describes /v2/compare"),
        ({"paths": {"/v2/compare": {"get": DESCRIBED}}}, FAIL, "not among the 1 paths"),
        ({"paths": {"/api/v1/compare": {"post": DESCRIBED}}}, FAIL, "not among the 1 paths"),
        ({"paths": {}}, FAIL, "not among the 0 paths"),
        ({"paths": []}, FAIL, "the document has no paths"),
        ({}, FAIL, "the document has no paths (it is object)"),
        (None, FAIL, "the document has no paths (it is null)"),
    ],
    ids=str,
)
def test_described(document: object, outcome: Outcome, said: str) -> None:
    route = Route(name="compare", method="POST", path="/api/compare")
    verdict = api.judge_described(route, document, ("/api/compare", "/api/v1/compare"), **PLACE)
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict
