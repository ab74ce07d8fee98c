"""Whether an alerting expression can ever have a result: its thresholds taken away, the values that it can have. Pure.

An alert that is silent may be silent because all is well, or because it cannot fire. Two things tell them apart without
breaking anything: the expression without its comparisons must give series (`relaxed`), and the comparisons must leave
room for a value (`never`).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from selfcheck.promql import (
    COMPARISONS,
    Aggregate,
    Binary,
    Call,
    Matcher,
    Negation,
    Node,
    Number,
    Selector,
    Subquery,
    always_gives,
    walk,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_ABSENCE: Final = ("absent", "absent_over_time")
_EVENTS: Final = ("increase", "rate", "irate", "changes", "resets")
_SCALARS: Final = ("scalar", "time", "pi")
_NEVER_NEGATIVE: Final = frozenset(
    {*_EVENTS, "abs", "stddev_over_time", "stdvar_over_time", "time", "timestamp", "day_of_month", "day_of_week"}
    | {"day_of_year", "days_in_month", "hour", "minute", "month", "year", "sqrt", "exp"}
)
_AT_LEAST_ONE: Final = ("count", "count_over_time")
_SAME_VALUES: Final = frozenset(
    {"avg_over_time", "min_over_time", "max_over_time", "last_over_time", "label_replace", "label_join", "sort"}
    | {"sort_desc", "scalar", "vector", "avg", "min", "max", "topk", "bottomk", "quantile"}
)
_FLIPPED: Final = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_DEPTH_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Range:
    """The values that an expression can have, both ends included."""

    low: float = -math.inf
    high: float = math.inf

    def __str__(self) -> str:
        low = "" if self.low == -math.inf else f"from {self.low:g} "
        return f"{low}{'upwards' if self.high == math.inf else f'to {self.high:g}'}"

    @property
    def empty(self) -> bool:
        """Whether there is no such value."""
        return self.low > self.high

    def meets(self, operator: str, other: Range) -> bool:
        """Whether some value here and some value there can compare like this."""
        match operator:
            case ">":
                return self.high > other.low
            case ">=":
                return self.high >= other.low
            case "<":
                return self.low < other.high
            case "<=":
                return self.low <= other.high
            case "==":
                return self.low <= other.high and other.low <= self.high
            case _:
                return not self.low == self.high == other.low == other.high

    def where(self, operator: str, limit: float) -> Range:
        """Give what is left when only values that compare like this with a number stay."""
        match operator:
            case ">" | ">=":
                return Range(max(self.low, limit), self.high)
            case "<" | "<=":
                return Range(self.low, min(self.high, limit))
            case "==":
                return Range(max(self.low, limit), min(self.high, limit))
            case _:
                return self

    def joined(self, other: Range) -> Range:
        """Give the smallest range that holds both."""
        return Range(min(self.low, other.low), max(self.high, other.high))


ANY: Final = Range()
_NOT_NEGATIVE: Final = Range(0.0, math.inf)
_SHARE: Final = Range(0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Rulebook:
    """What is known of names: what the loaded recording rules record, and the values that a metric can have."""

    recorded: Mapping[str, tuple[Node, ...]] = field(default_factory=dict)
    ranges: Mapping[str, Range] = field(default_factory=dict)


# ---------------------------------------------------------------------------------------------------------------- parts


def branches(node: Node) -> tuple[Node, ...]:
    """Give the alternatives of an expression, of which any can fire: what stands between `or` at its top."""
    if isinstance(node, Binary) and node.operator == "or":
        return (*branches(node.left), *branches(node.right))
    return (node,)


def conjuncts(node: Node) -> tuple[Node, ...]:
    """Give the parts of an expression that must all have a result: what stands between `and` at its top."""
    if isinstance(node, Binary) and node.operator == "and":
        return (*conjuncts(node.left), *conjuncts(node.right))
    return (node,)


def constant(node: Node) -> float | None:
    """Give the value of an expression of numbers alone, such as `14.4 * (1 - 0.99)`; None for any other."""
    match node:
        case Number():
            return node.value
        case Negation():
            value = constant(node.inner)
            return None if value is None else -value
        case Binary():
            left, right = constant(node.left), constant(node.right)
            if left is None or right is None:
                return None
            return calculated(node.operator, left, right)
        case _:
            return None


def calculated(operator: str, left: float, right: float) -> float | None:  # noqa: PLR0911 - one case an operator
    """Do arithmetic as PromQL does it; None for what is no arithmetic."""
    try:
        match operator:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
            case "/":
                return left / right
            case "%":
                return math.fmod(left, right)
            case "^":
                return float(left**right)
            case _:
                return None
    except ZeroDivisionError:
        return math.nan if left == 0 or math.isnan(left) else math.copysign(math.inf, left)
    except (OverflowError, ValueError, TypeError):
        return math.nan


def is_scalar(node: Node) -> bool:
    """Whether an expression is one number rather than series."""
    match node:
        case Number():
            return True
        case Call():
            return node.function in _SCALARS
        case Negation():
            return is_scalar(node.inner)
        case Binary():
            return is_scalar(node.left) and is_scalar(node.right)
        case _:
            return False


def filters(node: Node) -> bool:
    """Whether a node is a comparison that lets series through or not."""
    return isinstance(node, Binary) and node.operator in COMPARISONS and not node.returns_bool


def threshold(node: Node) -> tuple[Node, str, float] | None:
    """Give what a comparison compares, how, and with which number; None for any other node. `5 < a` is `a > 5`."""
    if not isinstance(node, Binary) or not filters(node):
        return None
    if (value := constant(node.right)) is not None:
        return node.left, node.operator, value
    if (value := constant(node.left)) is not None:
        return node.right, _FLIPPED.get(node.operator, node.operator), value
    return None


# -------------------------------------------------------------------------------------------------------------- relaxed


def relaxed(node: Node, *, everywhere: bool = False) -> str:  # noqa: PLR0911 - one case a kind of node
    """Write the expression without its comparisons: it gives whatever would be compared.

    Those at the top go, through `and` and `unless`; with `everywhere` also those further inside, such as `> 0` in a
    denominator. Joins stay: of two vectors that are compared the difference is asked. For `absent(x)`, x is asked.
    """
    match node:
        case Binary() if filters(node):
            left, right = node.left, node.right
            if is_scalar(right):
                return _again(left, everywhere=everywhere)
            if is_scalar(left):
                return _again(right, everywhere=everywhere)
            return _joined(node, "-", everywhere=everywhere)
        case Binary(operator="and"):
            left_text, right_text = (
                relaxed(node.left, everywhere=everywhere),
                relaxed(node.right, everywhere=everywhere),
            )
            return f"({left_text}) and {node.matching_text} ({right_text})"
        case Binary(operator="or"):
            left_text, right_text = (
                relaxed(node.left, everywhere=everywhere),
                relaxed(node.right, everywhere=everywhere),
            )
            return f"({left_text}) or {node.matching_text} ({right_text})"
        case Binary(operator="unless"):
            return relaxed(node.left, everywhere=everywhere)
        case Call() if node.function in _ABSENCE:
            looked_for = node.arguments[0]
            return f"present_over_time({looked_for.text})" if node.function != "absent" else looked_for.text
        case _:
            return _again(node, everywhere=everywhere)


def _again(node: Node, *, everywhere: bool) -> str:  # noqa: PLR0911 - one case a kind of node
    """Write what is compared: at the top of it there may be another comparison, and inside of it as well."""
    if filters(node) or (isinstance(node, Call) and node.function in _ABSENCE):
        return relaxed(node, everywhere=everywhere)
    if not everywhere or not any(filters(part) or _is_absence(part) for part in walk(node)):
        return node.text
    match node:
        case Binary(operator="and" | "or" | "unless"):
            return relaxed(node, everywhere=True)
        case Binary():
            return _joined(node, node.operator, everywhere=True)
        case Call():
            return f"{node.function}({', '.join(_again(each, everywhere=True) for each in node.arguments)})"
        case Aggregate():
            modifier = (
                "" if node.labels is None else f" {'without' if node.without else 'by'} ({', '.join(node.labels)})"
            )
            parameter = "" if node.parameter is None else f"{node.parameter.text}, "
            return f"{node.operation}{modifier} ({parameter}{_again(node.inner, everywhere=True)})"
        case Subquery():
            step = "" if node.step_seconds is None else f"{node.step_seconds * 1000:.0f}ms"
            return f"({_again(node.inner, everywhere=True)})[{node.range_seconds * 1000:.0f}ms:{step}]"
        case Negation():
            return f"-({_again(node.inner, everywhere=True)})"
        case _:
            return node.text


def _is_absence(node: Node) -> bool:
    return isinstance(node, Call) and node.function in _ABSENCE


def _joined(node: Binary, operator: str, *, everywhere: bool) -> str:
    left, right = _again(node.left, everywhere=everywhere), _again(node.right, everywhere=everywhere)
    return f"({left}) {operator} {node.matching_text} ({right})"


# --------------------------------------------------------------------------------------------------------------- ranges


def values(node: Node, book: Rulebook, depth: int = 0) -> Range:  # noqa: PLR0911 - one case a kind of node
    """Give the range in which all values of an expression lie; without a value, an empty range. NaN does not count."""
    if depth > _DEPTH_MAX:
        return ANY
    match node:
        case Number():
            return Range(node.value, node.value)
        case Selector():
            return _of_metric(node, book, depth)
        case Negation():
            inner = values(node.inner, book, depth + 1)
            return Range(-inner.high, -inner.low)
        case Subquery():
            return values(node.inner, book, depth + 1)
        case Call():
            return _of_function(node.function, node.arguments, book, depth)
        case Aggregate():
            return _of_function(node.operation, (node.inner,), book, depth)
        case Binary():
            return _of_operator(node, book, depth)
        case _:
            return ANY


def _of_metric(selector: Selector, book: Rulebook, depth: int) -> Range:
    if selector.name in book.ranges:
        return book.ranges[selector.name]
    rules = book.recorded.get(selector.name, ())
    found = [values(rule, book, depth + 1) for rule in rules]
    if not found or any(each.empty for each in found):
        return ANY
    together = found[0]
    for each in found[1:]:
        together = together.joined(each)
    return together


def _of_function(  # noqa: PLR0911 - one case a kind of function
    function: str, arguments: tuple[Node, ...], book: Rulebook, depth: int
) -> Range:
    inner = values(arguments[0], book, depth + 1) if arguments else ANY
    if inner.empty:
        return inner if function not in _ABSENCE else Range(1.0, 1.0)
    if function in _ABSENCE or function in ("group", "present_over_time"):
        return Range(1.0, 1.0)
    if function in _AT_LEAST_ONE:
        return Range(1.0, math.inf)
    if function in _SAME_VALUES:
        # sort and label_replace have what they work on first; scalar() gives NaN where there is nothing.
        return inner
    if function in ("sum", "sum_over_time"):
        return Range(0.0 if inner.low >= 0 else -math.inf, 0.0 if inner.high <= 0 else math.inf)
    if function in ("stddev", "stdvar") or function in _NEVER_NEGATIVE:
        return _NOT_NEGATIVE
    return ANY


def _of_operator(node: Binary, book: Rulebook, depth: int) -> Range:  # noqa: PLR0911 - one case a kind of node
    left, right = values(node.left, book, depth + 1), values(node.right, book, depth + 1)
    if node.operator == "or":
        return right if left.empty else left if right.empty else left.joined(right)
    if node.operator == "unless":
        return left
    if left.empty or right.empty:
        return Range(math.inf, -math.inf)
    if node.operator == "and":
        return left
    if node.operator in COMPARISONS:
        return _compared(node, left, right)
    if node.operator == "/" and is_share(node.left, node.right):
        return _SHARE
    return _of_arithmetic(node.operator, left, right)


def _compared(node: Binary, left: Range, right: Range) -> Range:
    if node.returns_bool:
        return _SHARE
    if not left.meets(node.operator, right):
        return Range(math.inf, -math.inf)
    found = threshold(node)
    if found is None:
        return left
    of, operator, limit = found
    return (left if of is node.left else right).where(operator, limit)


def _of_arithmetic(operator: str, left: Range, right: Range) -> Range:
    if operator in ("+", "-"):
        low, high = (right.low, right.high) if operator == "+" else (-right.high, -right.low)
        return Range(left.low + low, left.high + high)
    if operator == "/" and right.low == right.high and right.low not in (0.0, math.inf, -math.inf):
        operator, right = "*", Range(1 / right.low, 1 / right.low)
    if operator == "*":
        corners = [_product(a, b) for a in (left.low, left.high) for b in (right.low, right.high)]
        return Range(min(corners), max(corners))
    if operator == "/" and left.low >= 0 and right.low >= 0:
        return _NOT_NEGATIVE
    return ANY


def _product(left: float, right: float) -> float:
    return 0.0 if 0.0 in (left, right) else left * right


def is_share(part: Node, whole: Node) -> bool:
    """Whether one is a sum of some of the series of the other: then their ratio is at most 1."""
    while filters(whole) and (found := threshold(whole)) is not None:
        whole = found[0]
    match part, whole:
        case Aggregate(operation="sum"), Aggregate(operation="sum"):
            same = (part.labels, part.without) == (whole.labels, whole.without)
            return same and _is_part(part.inner, whole.inner)
        case _:
            return False


def _is_part(part: Node, whole: Node) -> bool:
    match part, whole:
        case Call(), Call():
            same = part.function == whole.function and part.function in ("rate", "increase")
            return (
                same
                and len(part.arguments) == len(whole.arguments) == 1
                and _is_part(*part.arguments, *whole.arguments)
            )
        case Selector(), Selector():
            if part.alternatives or whole.alternatives or part.pinned or whole.pinned or not part.name:
                return False
            same = (part.name, part.range_seconds, part.offset_seconds) == (
                whole.name,
                whole.range_seconds,
                whole.offset_seconds,
            )
            return same and frozenset[Matcher](whole.matchers) <= frozenset(part.matchers)
        case _:
            return False


# ---------------------------------------------------------------------------------------------------------------- never


def never(node: Node, book: Rulebook) -> str:
    """Say why an expression can never have a result, whatever is measured; empty when it can, as far as can be seen."""
    reasons = [_never(branch, book) for branch in branches(node)]
    return reasons[0] if all(reasons) else ""


def _never(branch: Node, book: Rulebook) -> str:
    for part in walk(branch):
        # Inside, `or` and the right side of `unless` may do without it.
        if isinstance(part, Binary) and (reason := _impossible(part, book)) and values(branch, book).empty:
            return reason
    return _never_absent(branch) or _contradiction(branch)


def _never_absent(node: Node) -> str:
    """Find an absence that is needed, of what is always there."""
    match node:
        case Call(function=function) if function in _ABSENCE:
            inner = node.arguments[0]
            return f"`{inner.shown}` is never absent" if always_gives(inner) else ""
        case Binary(operator="or"):
            return ""
        case Binary(operator="unless"):
            return _never_absent(node.left)
        case _:
            return next(filter(None, map(_never_absent, node.children())), "")


def _impossible(comparison: Binary, book: Rulebook) -> str:
    if not filters(comparison):
        return ""
    left, right = values(comparison.left, book), values(comparison.right, book)
    if left.empty or right.empty or left.meets(comparison.operator, right):
        return ""
    found = threshold(comparison)
    compared = comparison.left if found is None else found[0]
    reach = right if compared is comparison.right else left
    return f"`{comparison.shown}` is never true: `{compared.shown}` reaches {reach}"


def _contradiction(branch: Node) -> str:
    """Find two comparisons of the same thing that leave no value in between."""
    seen: dict[str, tuple[Range, bool, bool, Node]] = {}
    for part, excluded in _compared_together(branch):
        found = threshold(part)
        if found is None:
            continue
        of, operator, limit = found
        reach = ANY.where(operator, limit)
        low_open, high_open = operator == ">", operator == "<"
        if excluded:
            before = seen.get(of.shown)
            if before is not None and _within(before, reach, low_open=low_open, high_open=high_open):
                return f"`{before[3].shown} unless {part.shown}` is never true"
            continue
        if of.shown in seen:
            old, old_low_open, old_high_open, other = seen[of.shown]
            both = Range(max(old.low, reach.low), min(old.high, reach.high))
            at_edge = both.low == both.high and (old_low_open or old_high_open or low_open or high_open)
            if both.empty or (at_edge and operator != "!="):
                return f"`{other.shown}` and `{part.shown}` are never true together"
        elif operator != "!=":
            seen[of.shown] = (reach, low_open, high_open, part)
    return ""


def _within(before: tuple[Range, bool, bool, Node], reach: Range, *, low_open: bool, high_open: bool) -> bool:
    inner, inner_low_open, inner_high_open, _ = before
    low = inner.low > reach.low or (inner.low == reach.low and (inner_low_open or not low_open))
    high = inner.high < reach.high or (inner.high == reach.high and (inner_high_open or not high_open))
    return low and high


def _compared_together(node: Node) -> list[tuple[Node, bool]]:
    """Give the parts of a conjunction that are about the same series, each with whether it must not hold."""
    if not isinstance(node, Binary) or node.operator not in ("and", "unless"):
        return [(node, False)]
    alike = (node.on is None and node.ignoring is None) or _is_one_series(node.right)
    left = _compared_together(node.left)
    if not alike:
        return left
    if node.operator == "unless":
        return [*left, (node.right, True)]
    return [*left, *_compared_together(node.right)]


def _is_one_series(node: Node) -> bool:
    found = threshold(node)
    of = node if found is None else found[0]
    return isinstance(of, Aggregate) and of.labels is None and of.operation in ("sum", "avg", "min", "max", "count")


# ------------------------------------------------------------------------------------------------------------- duration


def looks_back_seconds(node: Node, book: Rulebook, depth: int = 0) -> float:
    """Give the longest range that an expression looks back over, also through recording rules."""
    found = 0.0
    for part in walk(node):
        if isinstance(part, Subquery):
            found = max(found, part.range_seconds)
        if isinstance(part, Selector):
            found = max(found, part.range_seconds or 0.0)
            if depth < _DEPTH_MAX:
                rules = book.recorded.get(part.name, ())
                found = max([found, *(looks_back_seconds(rule, book, depth + 1) for rule in rules)])
    return found


def event_window_seconds(branch: Node, book: Rulebook) -> float | None:
    """Give for how long one event keeps an expression true that asks whether anything happened; None for any other.

    Such as `increase(errors_total[5m]) > 0`: five minutes after the last event it has no result.
    """
    windows = []
    for part in conjuncts(branch):
        found = threshold(part)
        if found is None or found[1] not in (">", "!=") or found[2] != 0:
            continue
        of = found[0]
        while isinstance(of, Aggregate) and of.operation in ("sum", "max", "avg"):
            of = of.inner
        if isinstance(of, Call) and of.function in _EVENTS:
            windows.append(looks_back_seconds(of, book))
    return min(windows, default=None)


_WINDOW_OF_NAME: Final = re.compile(r"(?:^|[_:]|rate|increase|burnrate|ratio)(\d+)(ms|[smhdwy])$")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0, "y": 31_536_000.0}


def named_window_seconds(node: Node) -> float | None:
    """Give the longest window that the metrics of an expression have in their names (`errors:rate5m`), if any has."""
    found = [
        float(match.group(1)) * _SECONDS[match.group(2)]
        for part in walk(node)
        if isinstance(part, Selector) and (match := _WINDOW_OF_NAME.search(part.name))
    ]
    return max(found, default=None)
