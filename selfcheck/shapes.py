"""What is wrong with the shape of an expression, whatever the values are. Pure.

Precision before recall: a finding is sure, or says that it is not; where something is not known, nothing is said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from selfcheck.labels import Flow, flow
from selfcheck.ladder import nearest
from selfcheck.promql import COMPARISONS, Aggregate, Binary, Call, Selector, Subquery, walk
from selfcheck.units import Measure, Unit, bucket_bounds, constant, measure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selfcheck.knowledge import Knowledge
    from selfcheck.promql import Node

_RATES: Final = ("rate", "irate", "increase")
_OF_GAUGES: Final = ("delta", "idelta", "deriv")
_NEED_TWO: Final = frozenset(
    {*_RATES, *_OF_GAUGES, "predict_linear", "holt_winters", "double_exponential_smoothing", "changes", "resets"}
)
_USUAL_SCRAPES: Final = 4
_SLACK: Final = 1e-9
_UNLIKE: Final = frozenset(Unit) - {Unit.UNKNOWN}
_SMALL_PERCENTAGE: Final = 0.1
_QUANTILES: Final = ("histogram_quantile", "histogram_fraction")
_REORDERS: Final = ("topk", "bottomk", "limitk", "limit_ratio")
_BUILT_IN: Final = frozenset({"le", "quantile"})


class Lint(StrEnum):
    """What a finding is about; the values stand in the contract."""

    JOINS = "joins"
    LABELS = "labels"
    QUANTILES = "quantiles"
    RATES = "rates"
    WINDOWS = "windows"
    WINDOWS_ALIKE = "windows_alike"
    UNITS = "units"
    TEMPLATES = "templates"
    CONSTANTS = "constants"
    VANISHING = "vanishing"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; `part` is the part of the expression. What is not `sure` is a remark."""

    lint: Lint
    sentence: str
    part: str
    sure: bool = True

    def __str__(self) -> str:
        return f"{self.sentence}, in {self.part}" if self.part not in self.sentence else self.sentence


def lint(expression: Node, knowledge: Knowledge) -> list[Finding]:
    """Find what is wrong in an expression, each thing once."""
    found: dict[Finding, None] = {}
    for node in walk(expression):
        match node:
            case Binary():
                found |= dict.fromkeys(_joins(node, knowledge))
                found |= dict.fromkeys(_unlike(node, knowledge))
                found |= dict.fromkeys(_thresholds(node, knowledge))
            case Aggregate():
                found |= dict.fromkeys(_grouping(node, knowledge))
            case Call(function=function) if function in _QUANTILES:
                found |= dict.fromkeys(_quantile(node, knowledge))
        if isinstance(node, Call):
            found |= dict.fromkeys(_rates(node, knowledge))
            found |= dict.fromkeys(_windows(node, knowledge))
    found |= dict.fromkeys(_born_late(expression, knowledge))
    return list(found)


# ------------------------------------------------------------------------------------------------------- joins, labels


def _joins(node: Binary, knowledge: Knowledge) -> Iterator[Finding]:
    if node.operator == "or":
        return
    left, right = flow(node.left, knowledge), flow(node.right, knowledge)
    if left.scalar or right.scalar:
        return
    for label in _matched(node, left, right):
        why = _never_equal(label, left, right)
        if why:
            effect = "takes nothing away" if node.operator == "unless" else "never has a result"
            sentence = f"the two sides of {node.operator} never match, so it {effect}: {why}"
            yield Finding(Lint.JOINS, sentence, node.shown)
            return
    for label in node.on or ():
        part = left.dropped.get(label) or right.dropped.get(label)
        if part and not left.may_have(label) and not right.may_have(label):
            yield Finding(Lint.LABELS, f"{node.operator} matches on {label}, which {part} has dropped", node.shown)


def _matched(node: Binary, left: Flow, right: Flow) -> list[str]:
    if node.on is not None:
        return list(node.on)
    names = left.certain | right.certain
    return sorted(names - set(node.ignoring or ()) - {"__name__"})


def _never_equal(label: str, left: Flow, right: Flow) -> str:
    if label in left.certain and not right.may_have(label):
        return _one_sided(label, "left", "right", right)
    if label in right.certain and not left.may_have(label):
        return _one_sided(label, "right", "left", left)
    mine, theirs = left.values.get(label), right.values.get(label)
    if mine and theirs and mine.isdisjoint(theirs):
        return f"{label} is {_listed(mine)} on the left and {_listed(theirs)} on the right"
    return ""


def _one_sided(label: str, has: str, lacks: str, lacking: Flow) -> str:
    part = lacking.dropped.get(label)
    return f"only the {has} side has the label {label}" + (f"; on the {lacks} side {part} drops it" if part else "")


def _listed(values: frozenset[str]) -> str:
    return " or ".join(sorted(values)[:3])


def _grouping(node: Aggregate, knowledge: Knowledge) -> Iterator[Finding]:
    if node.operation in _REORDERS and not node.labels:
        return
    inner = flow(node.inner, knowledge)
    if inner.scalar or node.without:
        return
    for label in node.labels or ():
        if inner.may_have(label):
            continue
        if label in inner.dropped:
            sentence = f"{node.operation} by {label} comes too late: {inner.dropped[label]} has dropped the label"
            yield Finding(Lint.LABELS, sentence, node.shown)
        else:
            near, alike = nearest(label, inner.possible or ())
            if alike and near not in (node.labels or ()):
                sentence = f"{node.operation} by {label}, a label that no series here has; nearest: {near}"
                yield Finding(Lint.LABELS, sentence, node.shown)


# ----------------------------------------------------------------------------------------------------------- quantiles


def _quantile(node: Call, knowledge: Knowledge) -> Iterator[Finding]:
    buckets = node.arguments[-1]
    chosen = [each for each in walk(buckets) if isinstance(each, Selector)]
    if any(knowledge.type_of(each.name) == "histogram" for each in chosen):
        return  # native histograms have no buckets as series
    if node.function == "histogram_quantile":
        share = constant(node.arguments[0])
        if share is not None and not 0 <= share <= 1:
            yield Finding(Lint.QUANTILES, f"the quantile {share:g} is not between 0 and 1", node.shown)
    for each in chosen:
        if _is_no_bucket(each.name, knowledge):
            yield Finding(
                Lint.QUANTILES, f"{each.name} has no buckets: a quantile is of {_bucket_of(each.name)}", node.shown
            )
            return
    labels = flow(buckets, knowledge)
    if not labels.may_have("le") and any("bucket" in each.name for each in chosen):
        part = labels.dropped.get("le")
        sentence = f"{part} drops le, without which there are no buckets" if part else "no series here has the label le"
        yield Finding(Lint.QUANTILES, sentence, node.shown)
        return
    yield from _mixed(node, chosen, knowledge)


def _is_no_bucket(name: str, knowledge: Knowledge) -> bool:
    if not name or name.endswith("_bucket") or name in knowledge.recorded or name in knowledge.unread:
        return False
    series = knowledge.series.get(name, ())
    known_type = knowledge.type_of(name) in ("counter", "gauge")
    return known_type and (bool(series) or name in knowledge.families) and not any("le" in labels for labels in series)


def _bucket_of(name: str) -> str:
    return name.removesuffix("_sum").removesuffix("_count").removesuffix("_total") + "_bucket"


def _mixed(node: Call, chosen: list[Selector], knowledge: Knowledge) -> Iterator[Finding]:
    names = {each.name for each in chosen if each.name.endswith("_bucket")}
    if len(names) > 1:
        mixed = ", ".join(sorted(names))
        yield Finding(Lint.QUANTILES, f"the buckets of several histograms are mixed: {mixed}", node.shown)
    for each in chosen:
        if any(matcher.label == "le" and matcher.operator == "=" and matcher.value for matcher in each.matchers):
            yield Finding(Lint.QUANTILES, "only one bucket is chosen, of which no quantile can be made", node.shown)
        elif any(matcher.label == "__name__" and matcher.operator == "=~" for matcher in each.matchers):
            sentence = f"the buckets of whatever {each.shown} takes are mixed"
            yield Finding(Lint.QUANTILES, sentence, node.shown, sure=False)
        elif each.name.endswith("_bucket"):
            bounds = bucket_bounds(each, knowledge)
            if knowledge.chosen(each) and (len(bounds) < 2 or math.inf not in bounds):
                shown = ", ".join(f"{bound:g}" for bound in sorted(bounds)[:5]) or "none that is a number"
                sentence = f"the buckets of {each.name} have lost their bounds (le is {shown})"
                yield Finding(Lint.QUANTILES, sentence, node.shown)


# -------------------------------------------------------------------------------------------------------------- rates


def _rates(node: Call, knowledge: Knowledge) -> Iterator[Finding]:
    if not node.arguments:
        return
    inner = node.arguments[0]
    if node.function in _RATES:
        yield from _rate_of(node, inner, knowledge)
    elif node.function in _OF_GAUGES and isinstance(inner, Selector) and knowledge.type_of(inner.name) == "counter":
        sentence = f"{node.function} is for gauges, and {inner.name} is a counter: a restart looks like a fall"
        yield Finding(Lint.RATES, f"{sentence}; rate or increase takes care of it", node.shown)


def _rate_of(node: Call, inner: Node, knowledge: Knowledge) -> Iterator[Finding]:
    if isinstance(inner, Subquery):
        summed = _sum_of_counters(inner.inner, knowledge)
        if summed:
            yield Finding(Lint.RATES, f"{node.function} comes after the sum: {_RESTARTS}", node.shown)
        return
    if not isinstance(inner, Selector) or not inner.name:
        return
    rules = knowledge.recorded.get(inner.name)
    if rules is not None:
        for rule in rules:
            if _sum_of_counters(rule.expression, knowledge):
                sentence = f"{inner.name} is a sum of counters, and {node.function} comes after it: {_RESTARTS}"
                yield Finding(Lint.RATES, sentence, node.shown)
            elif _goes_up_and_down(rule.expression):
                sentence = f"{node.function} is for counters, and {inner.name} goes up and down: it records a rate"
                yield Finding(Lint.RATES, sentence, node.shown)
    elif knowledge.type_of(inner.name) == "gauge":
        sentence = f"{node.function} is for counters, and {inner.name} is a gauge: each fall looks like a restart"
        # Some exporters call their counters gauges.
        sure = inner.name in knowledge.families or not inner.name.endswith(("_total", "_count", "_sum", "_bucket"))
        yield Finding(Lint.RATES, sentence, node.shown, sure=sure)


_RESTARTS: Final = "the restart of one process looks like a restart of all"


def _sum_of_counters(node: Node, knowledge: Knowledge) -> bool:
    if isinstance(node, Binary) and node.operator == "or":
        return _sum_of_counters(node.left, knowledge)
    return (
        isinstance(node, Aggregate)
        and node.operation == "sum"
        and isinstance(node.inner, Selector)
        and knowledge.type_of(node.inner.name) == "counter"
    )


def _goes_up_and_down(node: Node) -> bool:
    """Whether an expression is a rate, or a sum of rates."""
    match node:
        case Call(function="rate" | "irate" | "increase"):
            return True
        case Aggregate(operation="sum" | "avg" | "max" | "min"):
            return _goes_up_and_down(node.inner)
        case Binary(operator="/" | "*" | "+" | "or"):
            return _goes_up_and_down(node.left)
        case _:
            return False


def _born_late(expression: Node, knowledge: Knowledge) -> Iterator[Finding]:
    """A labelled counter is born with its first event: its increase misses that one."""
    if not (isinstance(expression, Binary) and expression.operator == ">" and constant(expression.right) == 0):
        return
    selectors = [each for each in walk(expression.left) if isinstance(each, Selector)]
    rates = [each for each in walk(expression.left) if isinstance(each, Call) and each.function in _RATES]
    if len(selectors) != 1 or not rates or any(isinstance(each, Binary) for each in walk(expression.left)):
        return
    family = knowledge.families.get(selectors[0].name)
    if family is not None and family.type == "counter" and family.labels and not family.always:
        sentence = f"a series of {family.name} begins with its first event, which {rates[0].function} does not see"
        yield Finding(Lint.RATES, sentence, expression.shown, sure=False)


# ------------------------------------------------------------------------------------------------------------- windows


def _windows(node: Call, knowledge: Knowledge) -> Iterator[Finding]:
    for inner in node.arguments:
        if isinstance(inner, Subquery):
            if inner.step_seconds and inner.range_seconds < inner.step_seconds:
                yield Finding(Lint.WINDOWS, "the subquery's range is shorter than its step", node.shown)
            continue
        if not isinstance(inner, Selector) or inner.range_seconds is None:
            continue
        interval = knowledge.interval_of(inner)
        if interval is None or not math.isfinite(interval):
            continue
        scrapes = 2 if node.function in _NEED_TWO else 1
        window = inner.range_seconds
        if window < scrapes * interval - _SLACK:
            sentence = f"{node.function} over {window:g} s needs {scrapes} sample(s), which come every {interval:g} s"
            yield Finding(Lint.WINDOWS, sentence, node.shown)
        elif node.function in _NEED_TWO and window < _USUAL_SCRAPES * interval - _SLACK:
            sentence = f"{node.function} over {window:g} s sees less than four samples, which come every {interval:g} s"
            yield Finding(Lint.WINDOWS, sentence, node.shown, sure=False)


# --------------------------------------------------------------------------------------------------------------- units


def _unlike(node: Binary, knowledge: Knowledge) -> Iterator[Finding]:
    """Compare, add or subtract what is of different units; a share of a rate and a count is one, too."""
    if node.operator not in (*COMPARISONS, "+", "-", "/"):
        return
    if constant(node.left) is not None or constant(node.right) is not None:
        return
    left, right = measure(node.left, knowledge), measure(node.right, knowledge)
    units = {left.unit, right.unit}
    if len(units) == 1 or not units <= _UNLIKE:
        return
    if node.operator == "/" and units != {Unit.PER_SECOND, Unit.EVENTS}:
        return  # to divide one unit by another makes a third
    yield Finding(
        Lint.UNITS, f"the left side of {node.operator} is {left.unit}, the right side {right.unit}", node.shown
    )


_MIRRORED: Final = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}


def _thresholds(node: Binary, knowledge: Knowledge) -> Iterator[Finding]:
    if node.operator not in COMPARISONS:
        return
    bound, value, operator = constant(node.right), node.left, node.operator
    if bound is None:
        bound, value, operator = constant(node.left), node.right, _MIRRORED[node.operator]
    if bound is None or constant(value) is not None:
        return
    found = measure(value, knowledge)
    wrong = _wrong_bound(found, operator, bound)
    if wrong:
        yield Finding(Lint.UNITS, f"{value.shown} is {wrong}, and is compared with {bound:g}", node.shown)
    elif found.unit is Unit.PERCENT and 0 < bound <= _SMALL_PERCENTAGE:
        sentence = f"{value.shown} is {found.unit}, and is compared with {bound:g}: is that a share?"
        yield Finding(Lint.UNITS, sentence, node.shown, sure=False)


def _wrong_bound(found: Measure, operator: str, bound: float) -> str:
    """Say what a value is that is compared with a bound that it can never reach, or of another unit."""
    slack = _SLACK * max(1.0, abs(bound))
    name = found.unit or f"from {found.minimum:g} to {found.maximum:g}"
    if bound > found.maximum + slack or bound < found.minimum - slack:
        return f"{name}, {_limits(found)}" if not found.promised or found.unit is not Unit.RATIO else name
    if operator == ">" and bound >= found.maximum - slack and found.unit is not Unit.SECONDS:
        return f"{name}, never above {found.maximum:g}"
    if operator == "<" and bound <= found.minimum + slack:
        return f"{name}, never below {found.minimum:g}"
    if found.unit is Unit.PERCENT and 0 < bound < 1:
        below = operator in ("<", "<=")
        if below or (found.promised and bound <= _SMALL_PERCENTAGE):
            return name
    return ""


def _limits(found: Measure) -> str:
    if math.isinf(found.minimum):
        return f"never above {found.maximum:g}"
    return (
        f"never below {found.minimum:g}"
        if math.isinf(found.maximum)
        else f"within {found.minimum:g} and {found.maximum:g}"
    )
