"""What the value of an expression is: a share, a percentage, seconds, events a second, ... and between which bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from selfcheck.promql import COMPARISONS, Aggregate, Binary, Call, Negation, Number, Selector, Subquery, walk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from selfcheck.knowledge import Knowledge
    from selfcheck.promql import Node


class Unit(StrEnum):
    """What a value is; UNKNOWN where nothing can be said for sure."""

    UNKNOWN = ""
    RATIO = "a share from 0 to 1"
    PERCENT = "a percentage from 0 to 100"
    SECONDS = "seconds"
    BYTES = "bytes"
    PER_SECOND = "events a second"
    EVENTS = "events in a window"


@dataclass(frozen=True, slots=True)
class Measure:
    """The unit of a value and its bounds; `promised` tells that the contract says so, and not a derivation."""

    unit: Unit = Unit.UNKNOWN
    minimum: float = -math.inf
    maximum: float = math.inf
    promised: bool = False


_UNKNOWN: Final = Measure()
_RATIO: Final = Measure(Unit.RATIO, 0.0, 1.0)
_PERCENT: Final = Measure(Unit.PERCENT, 0.0, 100.0)
_OF_CONTRACT: Final = {
    "ratio": Unit.RATIO,
    "percent": Unit.PERCENT,
    "score": Unit.PERCENT,
    "seconds": Unit.SECONDS,
    "per second": Unit.PER_SECOND,
}
_HUNDRED: Final = 100.0
_KEEP: Final = ("avg", "min", "max", "quantile", "topk", "bottomk", "limitk", "limit_ratio")
_SUMMABLE: Final = (Unit.SECONDS, Unit.BYTES, Unit.PER_SECOND, Unit.EVENTS)
_KEEPING_CALLS: Final = frozenset(
    {
        *("avg_over_time", "min_over_time", "max_over_time", "last_over_time", "first_over_time", "quantile_over_time"),
        *("abs", "ceil", "floor", "round", "clamp_min", "clamp_max", "clamp", "label_replace", "label_join"),
        *("sort", "sort_desc", "sort_by_label", "sort_by_label_desc"),
    }
)
_RATES: Final = ("rate", "irate")
_DEPTH_MAX: Final = 20


def constant(node: Node) -> float | None:  # noqa: PLR0911 - one for each kind of node
    """Give the value of an expression of numbers alone."""
    match node:
        case Number():
            return node.value
        case Negation():
            inner = constant(node.inner)
            return None if inner is None else -inner
        case Binary() if node.operator in _ARITHMETIC:
            left, right = constant(node.left), constant(node.right)
            if left is None or right is None:
                return None
            try:
                return _ARITHMETIC[node.operator](left, right)
            except (ArithmeticError, ValueError):
                return None
        case Call(function="vector" | "scalar", arguments=(one,)):
            return constant(one)
        case _:
            return None


def _power(left: float, right: float) -> float:
    return math.pow(left, right)


_ARITHMETIC: Final = {
    "+": float.__add__,
    "-": float.__sub__,
    "*": float.__mul__,
    "/": float.__truediv__,
    "^": _power,
}


def measure(node: Node, knowledge: Knowledge, depth: int = 0) -> Measure:  # noqa: PLR0911 - one for each kind of node
    """Say what the value of an expression is."""
    if depth > _DEPTH_MAX:
        return _UNKNOWN
    match node:
        case Selector():
            return _of_metric(node.name, knowledge, depth)
        case Subquery():
            return measure(node.inner, knowledge, depth)
        case Aggregate():
            inner = measure(node.inner, knowledge, depth)
            if node.operation in _KEEP:
                return inner
            return Measure(inner.unit) if node.operation == "sum" and inner.unit in _SUMMABLE else _UNKNOWN
        case Call():
            return _of_call(node, knowledge, depth)
        case Binary():
            return _of_binary(node, knowledge, depth)
        case _:
            return _UNKNOWN


def _of_metric(name: str, knowledge: Knowledge, depth: int) -> Measure:
    promised = _promised(name, knowledge)
    if promised is not None:
        return promised
    rules = knowledge.recorded.get(name)
    if rules:
        return _same([measure(rule.expression, knowledge, depth + 1) for rule in rules])
    if name.endswith(("_timestamp_seconds", "_time_seconds")):
        return _UNKNOWN  # a moment, not a duration
    if knowledge.type_of(name) == "gauge":
        if name.endswith("_seconds"):
            return Measure(Unit.SECONDS)
        if name.endswith("_bytes"):
            return Measure(Unit.BYTES)
    return _UNKNOWN


def _promised(name: str, knowledge: Knowledge) -> Measure | None:
    """Give what the contract says: the narrowest of its bounds."""
    quantities = knowledge.quantities.get(name, ())
    if quantities:
        units = {_OF_CONTRACT.get(each.unit, Unit.UNKNOWN) for each in quantities if each.unit}
        low = max((each.minimum for each in quantities if each.minimum is not None), default=-math.inf)
        high = min((each.maximum for each in quantities if each.maximum is not None), default=math.inf)
        unit = units.pop() if len(units) == 1 else Unit.UNKNOWN
        if not units and unit is Unit.UNKNOWN and (low, high) == (0.0, 1.0):
            unit = Unit.RATIO
        return Measure(unit, low, high, promised=True)
    family = knowledge.families.get(name)
    if family is None or family.type != "gauge":
        return None
    low = -math.inf if family.minimum is None else family.minimum
    high = math.inf if family.maximum is None else family.maximum
    if family.one_of:
        return Measure(Unit.UNKNOWN, min(family.one_of), max(family.one_of), promised=True)
    unit = Unit.RATIO if (low, high) == (0.0, 1.0) else Unit.SECONDS if name.endswith("_seconds") else Unit.UNKNOWN
    return Measure(unit, low, high, promised=True)


def _of_call(node: Call, knowledge: Knowledge, depth: int) -> Measure:
    if node.function in _KEEPING_CALLS:
        at = 1 if node.function == "quantile_over_time" else 0
        found = measure(node.arguments[at], knowledge, depth) if len(node.arguments) > at else _UNKNOWN
        return found if not node.function.startswith("clamp") else Measure(found.unit)
    if node.function in (*_RATES, "increase") and node.arguments:
        inner = node.arguments[0]
        # Counters of seconds or bytes are another matter: a second of processor time a second is a share.
        counts = isinstance(inner, Selector) and _counts_events(inner.name, knowledge)
        return Measure(Unit.PER_SECOND if node.function in _RATES else Unit.EVENTS) if counts else _UNKNOWN
    if node.function == "histogram_quantile" and len(node.arguments) == 2:
        return _of_quantile(node.arguments[1], knowledge)
    return _UNKNOWN


def _counts_events(name: str, knowledge: Knowledge) -> bool:
    if knowledge.type_of(name) != "counter":
        return False
    return not any(word in name for word in ("seconds_total", "bytes_total", "seconds_sum", "bytes_sum", "_sum"))


def _of_quantile(buckets: Node, knowledge: Knowledge) -> Measure:
    """A quantile is never beyond the largest finite bound of its buckets."""
    found = {each.name: each for each in walk(buckets) if isinstance(each, Selector)}
    if len(found) != 1:
        return _UNKNOWN
    (name, selector), *_ = found.items()
    bounds = bucket_bounds(selector, knowledge)
    unit = Unit.SECONDS if name.endswith("_seconds_bucket") else Unit.UNKNOWN
    finite = bounds - {math.inf}
    return Measure(unit, maximum=max(finite)) if finite < bounds and finite else Measure(unit)


def bucket_bounds(selector: Selector, knowledge: Knowledge) -> frozenset[float]:
    """Give the bounds of the buckets that a selector takes now; empty where they are not known."""
    found = set()
    for labels in knowledge.chosen(selector):
        try:
            found.add(float(labels["le"]))
        except (KeyError, ValueError):
            return frozenset()
    return frozenset(found)


def _of_binary(node: Binary, knowledge: Knowledge, depth: int) -> Measure:  # noqa: PLR0911 - one for each operator
    left, right = measure(node.left, knowledge, depth), measure(node.right, knowledge, depth)
    if node.returns_bool:
        return _RATIO
    if node.operator in (*COMPARISONS, "and", "unless"):
        return right if constant(node.left) is not None else left
    number = constant(node.right)
    by = number if number is not None else constant(node.left)
    match node.operator:
        case "or":
            return _either(node, left, right)
        case "+" | "-" if by is None:
            return Measure(left.unit) if left.unit is right.unit and left.unit in _SUMMABLE else _UNKNOWN
        case "-" if number is None and by is not None:
            whole = {Unit.RATIO: 1.0, Unit.PERCENT: _HUNDRED}.get(right.unit)
            return replace(right, minimum=by - right.maximum, maximum=by - right.minimum) if whole == by else _UNKNOWN
        case "*" if by == _HUNDRED:
            inner = left if number is not None else right
            return _scaled(inner, Unit.PERCENT, _HUNDRED) if inner.unit is Unit.RATIO else _UNKNOWN
        case "/" if number == _HUNDRED:
            return _scaled(left, Unit.RATIO, 1 / _HUNDRED) if left.unit is Unit.PERCENT else _UNKNOWN
        case "/" if by is None:
            return _of_division(node)
        case _:
            return _UNKNOWN


def _of_division(node: Binary) -> Measure:
    """Tell a share, and a hundred times one."""
    if _is_part_of(node.left, node.right):
        return _RATIO
    match node.left:
        case Binary(operator="*", left=one, right=other):
            part = other if constant(one) == _HUNDRED else one if constant(other) == _HUNDRED else None
            return _PERCENT if part is not None and _is_part_of(part, node.right) else _UNKNOWN
        case _:
            return _UNKNOWN


def _scaled(found: Measure, unit: Unit, factor: float) -> Measure:
    return Measure(unit, found.minimum * factor, found.maximum * factor)


def _either(node: Binary, left: Measure, right: Measure) -> Measure:
    """What stands in (`or vector(0)`, `or 0 * x`) has no unit of its own."""
    if _stands_in(node.right):
        return left
    return right if _stands_in(node.left) else _same([left, right])


def _stands_in(node: Node) -> bool:
    if constant(node) is not None:
        return True
    return isinstance(node, Binary) and node.operator == "*" and 0.0 in (constant(node.left), constant(node.right))


def _same(found: Iterable[Measure]) -> Measure:
    different = {(each.unit, each.promised): each for each in found}
    if len(different) != 1:
        return _UNKNOWN
    (one,) = different.values()
    return Measure(one.unit, promised=one.promised)


def _is_part_of(part: Node, whole: Node) -> bool:
    """Whether both sides sum the same counter in the same way, one side over a choice of its series."""
    ours, theirs = _summed(part), _summed(whole)
    if ours is None or theirs is None:
        return False
    (mine, how), (other, their_how) = ours, theirs
    return mine.name == other.name and how == their_how and set(other.matchers) < set(mine.matchers)


def _summed(node: Node) -> tuple[Selector, tuple[object, ...]] | None:
    """Give the selector that is summed, and how; a denominator may be filtered (`> 0`), a numerator filled up."""
    match node:
        case Binary() if node.operator in COMPARISONS and constant(node.right) is not None and not node.returns_bool:
            return _summed(node.left)
        case Binary(operator="or") if _stands_in(node.right):
            return _summed(node.left)
        case Aggregate(operation="sum"):
            inner = _summed(node.inner)
            return None if inner is None else (inner[0], (node.labels, node.without, *inner[1]))
        case Call(function="rate" | "irate" | "increase", arguments=(Selector() as one,)):
            return one, (node.function, one.range_seconds, one.offset_seconds)
        case _:
            return None
