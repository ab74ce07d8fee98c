"""What alerting rules watch: what they read, at which values they fire, which pairs of windows they have. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import combinations
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from selfcheck.firing import (
    Rulebook,
    branches,
    calculated,
    conjuncts,
    looks_back_seconds,
    named_window_seconds,
    threshold,
)
from selfcheck.promql import (
    COMPARISONS,
    Aggregate,
    Binary,
    Call,
    Negation,
    Node,
    Number,
    Selector,
    Subquery,
    UnreadableError,
    parse,
    walk,
)

if TYPE_CHECKING:
    from selfcheck.clients.prometheus import Rule, RuleGroup

_DEPTH_MAX: Final = 20
_ONE_OF_MANY: Final = ("sum", "avg", "min", "max", "topk", "bottomk", "quantile")
_SAME_VALUE: Final = ("avg_over_time", "min_over_time", "max_over_time", "last_over_time", "vector", "sort")
_SAME_VALUE_FIRST: Final = ("label_replace", "label_join", "sort_desc", "round")


@dataclass(frozen=True, slots=True)
class Alerting:
    """An alerting rule with its expression as a tree; None where it cannot be read, and then why."""

    rule: Rule
    node: Node | None
    trouble: str = ""

    @property
    def place(self) -> str:
        """Group and name."""
        return f"{self.rule.group}/{self.rule.name}"


def alerting(groups: Iterable[RuleGroup]) -> tuple[Alerting, ...]:
    """Give every alerting rule."""
    found = []
    for group in groups:
        for rule in group.rules:
            if rule.kind == "alerting":
                try:
                    found.append(Alerting(rule, parse(rule.query)))
                except UnreadableError as error:
                    found.append(Alerting(rule, None, str(error)))
    return tuple(found)


def recorded(groups: Iterable[RuleGroup]) -> dict[str, tuple[Node, ...]]:
    """Give the expressions that record each name; what cannot be read is left out."""
    found: dict[str, tuple[Node, ...]] = {}
    for group in groups:
        for rule in group.rules:
            if rule.kind == "recording":
                try:
                    found[rule.name] = (*found.get(rule.name, ()), parse(rule.query))
                except UnreadableError:
                    continue
    return found


def selectors(node: Node, book: Rulebook, _seen: frozenset[str] = frozenset()) -> Iterator[Selector]:
    """Give every selector of an expression, and of the recording rules that it reads, each rule once on a way."""
    for part in walk(node):
        if isinstance(part, Selector):
            yield part
            if part.name not in _seen:
                for rule in book.recorded.get(part.name, ()):
                    yield from selectors(rule, book, _seen | {part.name})


def reads(node: Node, book: Rulebook) -> frozenset[str]:
    """Give the names of all metrics that an expression reads, directly or through recording rules."""
    return frozenset(found.name for found in selectors(node, book) if found.name)


def sources(node: Node, book: Rulebook) -> frozenset[str]:
    """Give those of the metrics that an expression reads in the end, which no rule records."""
    return reads(node, book) - book.recorded.keys()


def picks(selector: Selector, labels: dict[str, str], others: dict[str, str]) -> bool:
    """Whether a selector asks for these label values in particular: it takes them, and not the other ones."""

    def takes(wanted: dict[str, str]) -> bool:
        return all(
            matcher.takes(wanted[matcher.label]) is not False
            for matcher in selector.matchers
            if matcher.label in wanted
        )

    return takes(labels) and (not others or not takes(others))


# ----------------------------------------------------------------------------------------------------- at which values


class Nothing(Enum):
    """What an expression has instead of one known value."""

    EMPTY = "no result"
    UNKNOWN = "cannot be told"


Value = float | Nothing
Given = Callable[[Selector], Value | None]
"""Says which value a selector is assumed to have, or that it has none; None where nothing is assumed."""


@dataclass(frozen=True, slots=True)
class Others:
    """Further series of the metric, of which all have another value; `apart` are the labels that tell series apart."""

    given: Given
    count: int
    apart: frozenset[str]


def at(  # noqa: C901, PLR0911 - one case a kind of node
    node: Node, given: Given, book: Rulebook, others: Others | None = None, *, depth: int = 0
) -> Value:
    """Give what an expression has when one series has an assumed value; what else it reads is not known.

    Unknown guards beside it (`and traffic > 5`) count as open.
    """

    def inner(part: Node) -> Value:
        return at(part, given, book, others, depth=depth + 1)

    match node:
        case _ if depth > _DEPTH_MAX:
            return Nothing.UNKNOWN
        case Number():
            return node.value
        case Selector():
            return _of_selector(node, given, book, others, depth=depth)
        case Subquery():
            return inner(node.inner)
        case Negation():
            value = inner(node.inner)
            return value if isinstance(value, Nothing) else -value
        case Call(function="absent" | "absent_over_time"):
            looked_for = node.arguments[0]
            beside = at(looked_for, others.given, book, depth=depth + 1) if others and others.count else Nothing.EMPTY
            return _of_absence(inner(looked_for), beside)
        case Call():
            return _of_call(node, inner)
        case Aggregate():
            value = inner(node.inner)
            if others is not None and others.count and not _keeps_apart(node, others.apart):
                return _of_several(
                    node.operation, value, at(node.inner, others.given, book, depth=depth + 1), others.count
                )
            return value if value is Nothing.EMPTY or node.operation in _ONE_OF_MANY else Nothing.UNKNOWN
        case Binary():
            return _of_operator(node, inner(node.left), inner(node.right))
        case _:
            return Nothing.UNKNOWN


def _keeps_apart(node: Aggregate, apart: frozenset[str]) -> bool:
    """Whether an aggregation keeps the labels by which series are told apart, so that nothing is put together."""
    labels = frozenset(node.labels or ())
    return bool(apart - labels) if node.without else bool(apart & labels)


_AGGREGATED: Final[dict[str, Callable[[list[float]], float]]] = {
    "count": lambda values: float(len(values)),
    "sum": sum,
    "avg": lambda values: sum(values) / len(values),
    "min": min,
    "bottomk": min,
    "max": max,
    "topk": max,
}


def _of_several(operation: str, one: Value, other: Value, count: int) -> Value:
    """Aggregate one value, and a number of others that are all alike."""
    if Nothing.UNKNOWN in (one, other) or operation not in _AGGREGATED:
        return Nothing.UNKNOWN
    found = [value for value in (one, *[other] * count) if isinstance(value, float)]
    return _AGGREGATED[operation](found) if found else Nothing.EMPTY


def _of_selector(selector: Selector, given: Given, book: Rulebook, others: Others | None, *, depth: int) -> Value:
    assumed = given(selector)
    if assumed is not None:
        return assumed
    rules = book.recorded.get(selector.name, ())
    if len(rules) != 1:
        return Nothing.UNKNOWN
    return at(rules[0], given, book, others, depth=depth + 1)


def _of_call(node: Call, inner: Callable[[Node], Value]) -> Value:
    if node.function in (*_SAME_VALUE, *_SAME_VALUE_FIRST):
        return inner(node.arguments[0])
    found = [inner(argument) for argument in node.arguments]
    if Nothing.EMPTY in found:
        return Nothing.EMPTY
    if node.function == "abs" and isinstance(found[0], float):
        return abs(found[0])
    return Nothing.UNKNOWN


def _of_absence(one: Value, other: Value) -> Value:
    """Give what `absent()` of a series has, and of others beside it."""
    if isinstance(one, float) or isinstance(other, float):
        return Nothing.EMPTY
    return 1.0 if one is other is Nothing.EMPTY else Nothing.UNKNOWN


def _of_operator(node: Binary, left: Value, right: Value) -> Value:  # noqa: PLR0911 - one case a kind of operator
    if node.operator == "or":
        return right if left is Nothing.EMPTY else left
    if node.operator == "unless":
        return left if Nothing.EMPTY in (left, right) else Nothing.UNKNOWN
    if left is Nothing.EMPTY or right is Nothing.EMPTY:
        return Nothing.EMPTY
    if node.operator == "and":
        return left
    if isinstance(left, Nothing) or isinstance(right, Nothing):
        return Nothing.UNKNOWN
    if node.operator not in COMPARISONS:
        value = calculated(node.operator, left, right)
        return Nothing.UNKNOWN if value is None else value
    holds = _holds(node.operator, left, right)
    if node.returns_bool:
        return float(holds)
    return (right if isinstance(node.left, Number) else left) if holds else Nothing.EMPTY


def _holds(operator: str, left: float, right: float) -> bool:
    match operator:
        case ">":
            return left > right
        case ">=":
            return left >= right
        case "<":
            return left < right
        case "<=":
            return left <= right
        case "==":
            return left == right
        case _:
            return left != right


def has_limit(node: Node, limits: Iterable[float], *, above: bool) -> bool:
    """Whether an expression asks for what is above (or below) one of these numbers."""
    wanted = tuple(limits)
    found = (threshold(part) for part in walk(node))
    return any(
        each[1][0] == (">" if above else "<") and math.isclose(each[2], limit, rel_tol=1e-6)
        for each in found
        if each is not None
        for limit in wanted
    )


# ------------------------------------------------------------------------------------------------------------ burning


@dataclass(frozen=True, slots=True)
class Pair:
    """Two comparisons of the same share of failures over a long and a short window, which must both hold."""

    long_seconds: float
    short_seconds: float
    limit: float
    """The higher of the two thresholds."""
    of: str
    """What is compared, without durations: the same for every pair of one share."""

    def __str__(self) -> str:
        return f"{_duration(self.long_seconds)} and {_duration(self.short_seconds)} above {self.limit:.4g}"


_SAME_LIMIT_FACTOR: Final = 2.0
_PERCENT: Final = 100.0


def pairs(node: Node, book: Rulebook, of: frozenset[str], *, scale: float = 1.0) -> list[Pair]:
    """Give the pairs of windows in an expression that compare what comes from the given metrics.

    Where a scaled copy of the rules is loaded, its windows are shorter, and no longer what they were written as: there
    the windows in the names of what is compared stand for them, where they have any.
    """
    found = []
    for branch in branches(node):
        sides = []
        for part in conjuncts(branch):
            side = _burning(part, book, of, scale)
            sides += [] if side is None else [side]
        for one, other in combinations(sides, 2):
            limits = sorted((one.limit, other.limit))
            if one.seconds != other.seconds and limits[1] <= _SAME_LIMIT_FACTOR * limits[0]:
                found.append(_pair(one, other))
    return found


def either_of(node: Node, book: Rulebook, of: frozenset[str], *, scale: float = 1.0) -> list[Pair]:
    """Give the windows of which an alert takes either alone for a reason to fire, with one limit for both."""
    alone = [branch for branch in branches(node) if len(conjuncts(branch)) == 1]
    sides = [side for branch in alone if (side := _burning(branch, book, of, scale)) is not None]
    return [
        _pair(one, other)
        for one, other in combinations(sides, 2)
        if one.seconds != other.seconds and one.of == other.of and math.isclose(one.limit, other.limit)
    ]


@dataclass(frozen=True, slots=True)
class _Side:
    """One window with its limit; `of` is what is compared, without durations."""

    seconds: float
    limit: float
    of: str


def _burning(part: Node, book: Rulebook, of: frozenset[str], scale: float) -> _Side | None:
    compared = threshold(_inside(part))
    if compared is None or compared[1] not in (">", ">=") or not 0 < compared[2] < _PERCENT:
        return None
    if not sources(compared[0], book) & of:
        return None
    return _Side(_window_seconds(compared[0], book, scale), compared[2], undated(compared[0].shown))


def _pair(one: _Side, other: _Side) -> Pair:
    long, short = sorted((one, other), key=lambda each: each.seconds, reverse=True)
    return Pair(long.seconds, short.seconds, max(one.limit, other.limit), long.of)


_DURATIONS: Final = re.compile(r"(?<![0-9.])(?:\d+(?:ms|[smhdwy]))+(?![a-zA-Z0-9])")


def undated(text: str) -> str:
    """Take the durations out of an expression or a name: what is left is the same for each window."""
    return _DURATIONS.sub("*", text)


def _inside(node: Node) -> Node:
    """Give what is aggregated, where a comparison may be inside: `max without (window) (a > 5)`."""
    while isinstance(node, Aggregate):
        node = node.inner
    return node


def _window_seconds(node: Node, book: Rulebook, scale: float) -> float:
    named = named_window_seconds(node) if scale != 1 else None
    return looks_back_seconds(node, book) * scale if named is None else named


def _duration(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"


# ------------------------------------------------------------------------------------------------------------ runbooks

_NAME_OF_ALERT: Final = re.compile(r"\{\{-?\s*(?:\$labels|\.Labels)\.alertname\s*-?\}\}")
_LABEL: Final = re.compile(r"\{\{-?\s*(?:\$labels|\.Labels)\.(\w+)\s*-?\}\}")
_FILLED_MAX: Final = 50
_PART: Final = re.compile(r"[\w.@+-]+")


def link(rule: Rule, annotations: Iterable[str]) -> str:
    """Give the runbook link of an alert, its own name filled in; empty without one."""
    found = next((text for name in annotations if (text := rule.annotations.get(name, "").strip())), "")
    return _NAME_OF_ALERT.sub(rule.name, found)


def filled(link_text: str, values: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """Give a link with its labels filled in, once for each combination of values; nothing where one is not known."""
    made = [link_text]
    for name in dict.fromkeys(_LABEL.findall(link_text)):
        own = re.compile(_LABEL.pattern.replace(r"(\w+)", name))
        made = [value.join(own.split(text)) for text in made for value in sorted(values.get(name, ()))]
    return tuple(text for text in made if "{{" not in text)[:_FILLED_MAX]


def file_names(link_text: str) -> list[str]:
    """Give the file names that a link may mean: `a/b.md`, `b.md`; a page `b` or `b.html` may be the file `b.md`."""
    parts = [part for part in PurePosixPath(urlsplit(link_text).path).parts if part != "/"]
    if not parts or not all(_PART.fullmatch(part) and part != ".." for part in parts):
        return []
    names = ["/".join(parts[number:]) for number in range(len(parts))]
    if "." not in parts[-1]:
        names += [f"{name}.md" for name in names]
    elif parts[-1].endswith((".html", ".htm")):
        names += [f"{name.rpartition('.')[0]}.md" for name in names]
    return names


def is_url(link_text: str) -> bool:
    """Whether a link leads to a server."""
    return urlsplit(link_text).scheme in ("http", "https")


_ANCHOR: Final = re.compile(r"[\w.-]+")
_HEADING: Final = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
_NAMED: Final = re.compile(r"""\b(?:id|name)=["']?([^"'\s>]+)""", re.IGNORECASE)
_NAMED_HEADING: Final = re.compile(r"""<h[1-6][^>]*\bid=""", re.IGNORECASE)
_GITHUB: Final = "user-content-"


def lacks_anchor(link_text: str, page: str) -> bool:
    """Whether a link asks for a heading that its page, Markdown or HTML, does not have.

    A page that names no heading at all may make its anchors in the browser: it lacks none.
    """
    anchor = unquote(urlsplit(link_text).fragment).lower()
    if not _ANCHOR.fullmatch(anchor):
        return False
    names = {name.lower().removeprefix(_GITHUB) for name in _NAMED.findall(page)}
    if page.lstrip().startswith("<"):
        return _NAMED_HEADING.search(page) is not None and anchor not in names
    headings = [re.sub(r"[^\w\s-]", "", text.lower()) for text in _HEADING.findall(page)]
    slugs = {re.sub(r"\s", "-", text) for text in headings}
    # Other generators than GitHub's write several dashes as one, and number headings of the same text.
    slugs |= {re.sub(r"-+", "-", slug).strip("-") for slug in slugs}
    return bool(slugs) and re.sub(r"[-_]\d+$", "", anchor) not in slugs and anchor not in slugs | names
