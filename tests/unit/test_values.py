"""Values are found by path, named by type, and held against what is promised of them."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfcheck.values import Domain, Missing, differences, dig, find, json_type, leaves, same, shown

repeatable = settings(derandomize=True, database=None, deadline=None, max_examples=100)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=10,
)
DEEP = {"a": {"b": [10, {"c": None}]}, "d": False}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", DEEP),
        ("a.b.0", 10),
        ("a.b.1.c", None),
        ("d", False),
        ("a.b.2", Missing("a.b.2")),
        ("a.b.-1", Missing("a.b.-1")),
        ("a.x.c", Missing("a.x")),
        ("d.e", Missing("d.e")),
    ],
)
def test_dig(path: str, expected: object) -> None:
    assert dig(DEEP, path) == expected


def test_find_goes_by_pattern_in_upper_and_lower_case() -> None:
    body = {"config": {"limits": {"PROVIDER_TIMEOUT": 10, "other": 1}, "provider_timeouts": {}}}
    assert find(body, "config.*provider_timeout*") == [("config.limits.PROVIDER_TIMEOUT", 10)]
    assert find(body, "config.x*") == []


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "null"),
        (True, "boolean"),
        (1, "integer"),
        (1.0, "number"),
        ("1", "string"),
        ({}, "object"),
        ([], "array"),
    ],
)
def test_json_type(value: object, name: str) -> None:
    assert json_type(value) == name


@pytest.mark.parametrize(
    ("domain", "value", "breach"),
    [
        # types
        ({"type": "integer"}, 1, ""),
        ({"type": "integer"}, True, "is boolean True, not integer"),
        ({"type": "integer"}, 1.5, "is number 1.5, not integer"),
        ({"type": "integer"}, "1", 'is string "1", not integer'),
        ({"type": "number"}, 1, ""),
        ({"type": "number"}, 0.5, ""),
        ({"type": "number"}, False, "is boolean False, not number"),
        ({"type": "boolean"}, 1, "is integer 1, not boolean"),
        ({"type": "object"}, {}, ""),
        ({"type": "object"}, [], "is array [], not object"),
        ({"type": "string"}, None, "is null None, not string"),
        ({}, object, ""),
        # one value
        ({"equals": "up"}, "up", ""),
        ({"equals": "up"}, "Up", 'is "Up", not "up"'),
        ({"equals": True}, True, ""),
        ({"equals": True}, 1, "is 1, not True"),
        ({"equals": 1}, True, "is True, not 1"),
        ({"equals": 1}, 1.0, ""),
        ({"one_of": ["a", "b"]}, "b", ""),
        ({"one_of": ["a", "b"]}, "c", 'is "c", not one of "a", "b"'),
        ({"one_of": [0.0, 1.0]}, 1, ""),
        ({"one_of": [0.0, 1.0]}, True, "is True, not one of 0.0, 1.0"),
        # ranges
        ({"minimum": 0, "maximum": 1}, 0, ""),
        ({"minimum": 0, "maximum": 1}, 1, ""),
        ({"minimum": 0}, -0.1, "is -0.1, below 0"),
        ({"maximum": 1}, 1.1, "is 1.1, above 1"),
        ({"above": 0}, 0, "is 0, not above 0"),
        ({"above": 0}, 0.001, ""),
        ({"minimum": 0}, math.nan, "is nan, not a finite number"),
        ({"minimum": 0}, math.inf, "is inf, not a finite number"),
        ({"minimum": 0}, "5", 'is string "5", not a number'),
        ({"maximum": 5}, None, "is null None, not a number"),
        ({"minimum": 0}, True, "is boolean True, not a number"),
        # patterns
        ({"pattern": r"\d+\.\d+"}, "3.11", ""),
        ({"pattern": r"\d+\.\d+"}, "3.11 or so", 'is "3.11 or so", which does not match \\d+\\.\\d+'),
        ({"pattern": r"\d+\.\d+"}, 3.11, "is 3.11, which does not match \\d+\\.\\d+"),
    ],
    ids=str,
)
def test_domain(domain: dict[str, Any], value: object, breach: str) -> None:
    assert Domain.model_validate(domain).breaks(value) == breach


@pytest.mark.parametrize(
    ("domain", "phrase"),
    [
        ({}, "anything"),
        ({"type": "number", "minimum": 0, "maximum": 1}, "number >= 0 <= 1"),
        ({"equals": "up"}, '= "up"'),
        ({"one_of": ["a", 2]}, 'one of "a", 2'),
        ({"type": "string", "pattern": "a+"}, "string matching a+"),
        ({"above": 0}, "> 0"),
    ],
    ids=str,
)
def test_what_is_promised_can_be_said(domain: dict[str, Any], phrase: str) -> None:
    assert Domain.model_validate(domain).describe() == phrase


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\x1b[31m\n", '"a\\x1b[31m\\n"'),
        ("\ud800", '"\\ud800"'),
        (Missing("a.b"), "missing"),
        ("x" * 100, '"' + "x" * 56 + "..."),
        ([1, "a"], "[1, 'a']"),
    ],
    ids=repr,
)
def test_values_are_shown_on_one_safe_line(value: object, text: str) -> None:
    assert shown(value) == text


@repeatable
@given(json_values)
def test_equal_json_has_no_differences(value: object) -> None:
    assert differences(value, json.loads(json.dumps(value))) == []


@repeatable
@given(st.dictionaries(st.text("abc", max_size=3), json_values, max_size=3), st.sampled_from([1, "x", None, {}, []]))
def test_one_more_entry_is_a_difference(value: dict[str, Any], more: object) -> None:
    assert differences(value, {**value, "more": more}) == [f"more: missing and {shown(more)}"]
    assert differences(value, {**value, "more": more}, only_of_left=True) == []
    assert differences({**value, "more": more}, value, ["m*"]) == differences(value, value, ["m*"])


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": True}, ["a: 1 and True"]),
        ({"a": "1"}, {"a": 1}, ['a: "1" and 1']),
        ({"a": {}}, {"a": []}, ["a: {} and []"]),
        ({"a": {}}, {}, ["a: {} and missing"]),
        ({"a": {}}, {"a": {"b": 1}}, ["a.b: missing and 1"]),
        ({"a": {}}, {"a": 1}, ["a: {} and 1"]),
        ({}, [], [": {} and []"]),
        ({"a": [1, 2]}, {"a": [2, 1]}, ["a.0: 1 and 2", "a.1: 2 and 1"]),
        ({"a": None}, {"a": math.nan}, ["a: None and nan"]),
    ],
    ids=str,
)
def test_differences(left: object, right: object, expected: list[str]) -> None:
    assert differences(left, right) == expected


def test_ignored_paths_are_patterns() -> None:
    left, right = {"t": 1, "r": {"ema": {"ocr": 0.1}}}, {"t": 2, "r": {"ema": {"ocr": 0.2}}}
    assert differences(left, right, ["t", "r.ema.*"]) == []


@repeatable
@given(json_values)
def test_leaves_lead_back_to_their_values(value: object) -> None:
    for path, leaf in leaves(value):
        keys = path.split(".")
        if path and all(keys) and isinstance(value, dict) and all("." not in key for key in value):
            found = dig(value, path)
            assert isinstance(found, Missing) or same(found, leaf) or leaf == found
