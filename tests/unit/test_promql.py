"""An expression as a tree: what it reads, in which role, and what has a result whatever happens."""

from __future__ import annotations

import pytest

from selfcheck import promql
from selfcheck.promql import Aggregate, Binary, Call, Matcher, Role, Selector, Subquery, UnreadableError, parse, uses


def selector(text: str) -> Selector:
    found = parse(text)
    assert isinstance(found, Selector)
    return found


@pytest.mark.parametrize(
    ("text", "name", "series", "range_seconds", "offset_seconds"),
    [
        ("up", "up", "up{}", None, 0),
        ('up{job="a", instance!~"b.*"}[5m] offset 1h', "up", 'up{job="a",instance!~"b.*"}', 300, 3600),
        ('{__name__="up", job="a"}', "up", 'up{job="a"}', None, 0),
        ('{__name__=~"a|b"}', "", '{__name__=~"a|b"}', None, 0),
        ('m{a="1" or b="2"}', "m", 'm{a="1" or b="2"}', None, 0),
        ('m{a="x\\"y\\\\z"}', "m", 'm{a="x\\"y\\\\z"}', None, 0),
        ("m @ end()", "m", "m{}", None, 0),
        ("m offset -5m", "m", "m{}", None, -300),
    ],
)
def test_a_selector(text: str, name: str, series: str, range_seconds: float | None, offset_seconds: float) -> None:
    found = selector(text)
    assert (found.name, found.series_text, found.range_seconds, found.offset_seconds) == (
        name,
        series,
        range_seconds,
        offset_seconds,
    )
    assert promql.parse(found.series_text) == selector(found.series_text)


@pytest.mark.parametrize(
    ("matcher", "value", "takes"),
    [
        (Matcher("a", "=", "x"), "x", True),
        (Matcher("a", "=", "x"), "", False),
        (Matcher("a", "!=", "x"), "", True),
        (Matcher("a", "=~", "x|y"), "y", True),
        (Matcher("a", "=~", "x"), "xx", False),
        (Matcher("a", "!~", "x.*"), "xx", False),
        (Matcher("a", "=~", ".*"), "", True),
        (Matcher("a", "=~", ".+"), "two\nlines", True),
        (Matcher("a", "=~", "(?P<broken"), "x", None),
    ],
)
def test_what_a_matcher_takes(matcher: Matcher, value: str, *, takes: bool | None) -> None:
    assert matcher.takes(value) is takes


@pytest.mark.parametrize(
    "operator", [*promql.COMPARISONS, *promql.SET_OPERATORS, "+", "-", "*", "/", "%", "^", "atan2"]
)
def test_operators_are_told_apart(operator: str) -> None:
    found = parse(f'sum by (a) (x{{b="- c"}}) {operator} on (a) -y')
    assert isinstance(found, Binary)
    assert (found.operator, found.on) == (operator, ("a",))


def test_modifiers_of_an_operator() -> None:
    found = parse("a > bool ignoring (x) group_right (y) b")
    assert isinstance(found, Binary)
    assert (found.returns_bool, found.ignoring, found.grouping, found.included) == (True, ("x",), "right", ("y",))
    assert found.matching_text == "bool ignoring (x) group_right (y)"


@pytest.mark.parametrize(
    ("text", "labels", "without", "parameter"),
    [
        ("sum(x)", None, False, None),
        ("sum by (a, b) (x)", ("a", "b"), False, None),
        ("sum(x) without (a)", ("a",), True, None),
        ("sum by () (x)", (), False, None),
        ("topk(5, x)", None, False, "5"),
        ('count_values("v", x)', None, False, '"v"'),
    ],
)
def test_aggregations(text: str, labels: tuple[str, ...] | None, parameter: str | None, *, without: bool) -> None:
    found = parse(text)
    assert isinstance(found, Aggregate)
    assert (found.labels, found.without) == (labels, without)
    assert (None if found.parameter is None else found.parameter.text) == parameter


def test_a_subquery_and_a_call() -> None:
    found = parse("max_over_time(sum(rate(x[5m]))[1h:1m])")
    assert isinstance(found, Call)
    (inner,) = found.arguments
    assert isinstance(inner, Subquery)
    assert (found.function, inner.range_seconds, inner.step_seconds) == ("max_over_time", 3600, 60)


@pytest.mark.parametrize("text", ["", "sum(", "up =", "x{a=b}", "rate(x)", "unknown_function(x)", "1 > 2"])
def test_what_cannot_be_read_says_why(text: str) -> None:
    with pytest.raises(UnreadableError, match=r"\S"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("a", [Role.NEEDED]),
        ("a or vector(0)", [Role.DEFAULTED]),
        ("(a or vector(0)) / b", [Role.DEFAULTED, Role.NEEDED]),
        ("a unless on (x) b", [Role.NEEDED, Role.EXCLUDED]),
        ("a and b", [Role.NEEDED, Role.NEEDED]),
        ("absent(a)", [Role.ABSENCE]),
        ("absent_over_time(a[5m]) or b", [Role.ABSENCE, Role.DEFAULTED]),
        ("a unless (b or c)", [Role.NEEDED, Role.EXCLUDED, Role.EXCLUDED]),
        ("absent(a or b)", [Role.ABSENCE, Role.ABSENCE]),
    ],
)
def test_the_role_of_each_selector(text: str, roles: list[Role]) -> None:
    assert [use.role for use in uses(parse(text))] == roles


@pytest.mark.parametrize(
    ("text", "always"),
    [
        ("1", True),
        ("vector(0)", True),
        ("time() - 5", True),
        ("a or vector(0)", True),
        ("a + (b or vector(0))", False),
        ("vector(0) == 0", False),
        ("vector(0) == bool 0", True),
        ("absent(a)", False),
        ("(a or vector(0)) unless b", False),
        ("sum(a)", False),
    ],
)
def test_what_always_has_a_result(text: str, *, always: bool) -> None:
    assert promql.always_gives(parse(text)) is always
