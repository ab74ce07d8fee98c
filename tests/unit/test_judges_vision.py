"""The promises on vision as the contract makes them, held against whole answers."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from checks import test_vision as vision
from selfcheck import drawings
from selfcheck.contract import load
from selfcheck.verdict import Outcome
from tests.unit.test_judges_ocr import REFUSAL, check, seen

PASS, FAIL, INCONCLUSIVE, NOT_COVERED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_COVERED
GOOD: dict[str, Any] = {
    "success": True,
    "provider": "some-engine",
    "description": {"summary": "A flange.", "details": [], "confidence": 0.9},
    "ocr": {"text": "KX-7342 FLANGE 152.6 47.25"},
    "processing_time_ms": 5.0,
}


def of_contract(kind: str, promise_id: str) -> Any:
    """Take a promise from the default contract."""
    model = vision._KINDS[kind]
    return next(found for found in load().promises(kind, model) if found.id == f"vision.{promise_id}")


def changed(path: str, value: object) -> dict[str, Any]:
    """Give a good answer with another value at one place."""
    body = copy.deepcopy(GOOD)
    *way, last = path.split(".")
    inner = body
    for part in way:
        inner = inner[part]
    inner[last] = value
    return body


@pytest.mark.parametrize(
    ("name", "path", "good", "bad"),
    [
        ("answer_success", "success", [True, False], [1, "yes", None]),
        ("answer_provider", "provider", ["x"], ["", " ", None, 7]),
        ("answer_summary", "description.summary", ["A part.\nOf steel."], ["", "\n", "...", None, []]),
        ("answer_details", "description.details", [[], ["x"], [{"x": 1}]], [None, "x", {}]),
        ("answer_confidence", "description.confidence", [0, 1, 0.5, None], [96, -0.1, "0.9", True]),
        ("answer_ocr", "ocr", [{}, {"text": ""}], [None, "", []]),
        ("answer_no_error", "error", [None, ""], ["none", False, {}]),
        ("answer_no_code", "code", [None, ""], ["OK", 0]),
    ],
)
def test_the_form_of_an_answer(name: str, path: str, good: list[object], bad: list[object]) -> None:
    made = of_contract("vision.field", name)
    for value in good:
        check(drawings.judge_field(made, [seen(changed(path, value))]), PASS)
    for value in bad:
        check(drawings.judge_field(made, [seen(GOOD), seen(changed(path, value))]), FAIL, f"{path} is ")


@pytest.mark.parametrize(
    ("ocr", "outcome", "said"),
    [
        ({"text": "KX-7342 FLANGE 152.6 47.25"}, PASS, "found"),
        (
            {"title_block": {"no": "KX-7342", "t": "FLANGE"}, "dimensions": [{"value": 152.6}, {"value": 47.25}]},
            PASS,
            "",
        ),
        ({"text": "MP-4926 BRACKET 93.4"}, FAIL, "of another drawing: MP-4926, BRACKET"),
        ({}, FAIL, "missing: KX-7342, FLANGE, 152.6, 47.25"),
        (None, FAIL, "missing"),
    ],
)
def test_a_drawing_is_read(ocr: object, outcome: Outcome, said: str) -> None:
    made = of_contract("vision.known", "reads_a_drawing")
    check(drawings.judge_known(made, seen(changed("ocr", ocr)), blind=False, reads=True), outcome, said)


@pytest.mark.parametrize(
    ("description", "outcome"),
    [
        (None, PASS),
        ({}, PASS),
        ("", PASS),
        ({"summary": "", "details": [], "confidence": 0.0}, PASS),
        ({"summary": "A flange."}, FAIL),
        ("A flange.", FAIL),
    ],
)
def test_a_description_that_nobody_wants_is_left_out(description: object, outcome: Outcome) -> None:
    made = of_contract("vision.nothing", "description_left_out")
    check(drawings.judge_nothing(made, seen(changed("description", description))), outcome)


def test_how_an_image_is_described_may_differ() -> None:
    made = of_contract("vision.again", "same_again")
    other = changed("description", {"summary": "A round part.", "details": ["steel"], "confidence": 0.4})
    check(drawings.judge_again(made, seen(GOOD), seen(other)), PASS)
    check(drawings.judge_again(made, seen(GOOD), seen(changed("ocr", {"text": "KX-7343"}))), FAIL, "ocr: first")


@pytest.mark.parametrize(("status", "body"), [(200, REFUSAL), (422, {"detail": [{"msg": "field required"}]})])
def test_a_request_without_an_image_is_refused_in_either_way(status: int, body: object) -> None:
    made = of_contract("vision.refused", "refuses_nothing")
    check(drawings.judge_refused(made, seen(body, status=status)), PASS)
