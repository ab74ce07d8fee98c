"""Follows labels through an expression: which the result has for sure, which it may have, and which were dropped."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from selfcheck.families import OWN_LABEL
from selfcheck.promql import Aggregate, Binary, Call, Negation, Number, Selector, Subquery, Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from selfcheck.knowledge import Knowledge
    from selfcheck.promql import Matcher, Node

_KEEPS_SERIES: Final = ("topk", "bottomk", "limitk", "limit_ratio")
_SCALARS: Final = ("time", "scalar", "pi")
_SETS: Final = ("and", "unless")
_NAMES_LABELS: Final = ("vector", "absent", "absent_over_time", "label_replace", "label_join", "info")
"""Functions that have labels of their own making."""
_DEPTH_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Flow:
    """The labels of the series of a result.

    `certain` has those that every series has with a value, `possible` those that one may have (None: any), `values`
    the values where they are known for sure, `dropped` the labels that an aggregation or a join took away, with the
    part that did. `scalar`: no series at all, but one number.
    """

    certain: frozenset[str] = frozenset()
    possible: frozenset[str] | None = None
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)
    dropped: Mapping[str, str] = field(default_factory=dict)
    scalar: bool = False

    def may_have(self, label: str) -> bool:
        """Whether a series may have the label."""
        return self.possible is None or label in self.possible

    def only(self, labels: Iterable[str], part: str) -> Flow:
        """Keep some labels alone; `part` of the expression drops the others."""
        kept = frozenset(labels)
        return self._with(
            kept & self.certain,
            kept if self.possible is None else kept & self.possible,
            dict.fromkeys((self.possible or self.certain) - kept, part),
        )

    def without(self, labels: Iterable[str], part: str) -> Flow:
        """Take some labels away."""
        gone = frozenset(labels)
        there = {label: part for label in gone if self.may_have(label)}
        return self._with(self.certain - gone, None if self.possible is None else self.possible - gone, there)

    def _with(self, certain: frozenset[str], possible: frozenset[str] | None, dropped: Mapping[str, str]) -> Flow:
        values = {label: known for label, known in self.values.items() if label in certain}
        gone = {
            label: part
            for label, part in {**self.dropped, **dropped}.items()
            if possible is None or label not in possible
        }
        return Flow(certain, possible, values, gone)


_NOTHING: Final = Flow(possible=frozenset())
_SCALAR: Final = Flow(possible=frozenset(), scalar=True)


def flow(node: Node, knowledge: Knowledge, depth: int = 0) -> Flow:  # noqa: PLR0911 - one for each kind of node
    """Give the labels of an expression's result."""
    if depth > _DEPTH_MAX:  # rules that record each other
        return Flow()
    match node:
        case Number() | Text():
            return _SCALAR
        case Selector():
            found = knowledge.derived.get(node.series_text)
            if not isinstance(found, Flow):
                found = knowledge.derived[node.series_text] = _of_selector(node, knowledge, depth)
            return found
        case Subquery() | Negation():
            return flow(node.inner, knowledge, depth)
        case Aggregate():
            return _of_aggregate(node, flow(node.inner, knowledge, depth))
        case Call():
            return _of_call(node, knowledge, depth)
        case Binary():
            return _of_binary(node, flow(node.left, knowledge, depth), flow(node.right, knowledge, depth))
        case _:
            return Flow()


def ever(  # noqa: PLR0911 - one for each kind of node
    node: Node, knowledge: Knowledge, depth: int = 0
) -> frozenset[str] | None:
    """Give all labels that a result can ever have, by how it is made; None where that depends on the series there are.

    An aggregation names the labels that it keeps, so that no series of another time has a further one.
    """
    if depth > _DEPTH_MAX:
        return None
    match node:
        case Selector(name=name) if name in knowledge.recorded:
            made = [(ever(rule.expression, knowledge, depth + 1), rule.labels) for rule in knowledge.recorded[name]]
            return _all_of([None if own is None else own.union(added) for own, added in made])
        case Aggregate():
            return _ever_of_aggregate(node, ever(node.inner, knowledge, depth))
        case Call(function=function, arguments=(*_, inner)) if function not in _NAMES_LABELS:
            return ever(inner, knowledge, depth)
        case Subquery(inner=inner) | Negation(inner=inner):
            return ever(inner, knowledge, depth)
        case Binary():
            left, right = (
                _SCALAR if flow(side, knowledge, depth).scalar else ever(side, knowledge, depth)
                for side in node.children()
            )
            return _ever_of_binary(node, left, right)
        case _:
            return None


def _ever_of_aggregate(node: Aggregate, inner: frozenset[str] | None) -> frozenset[str] | None:
    if node.operation == "count_values":
        return None
    if node.operation in _KEEPS_SERIES:
        return inner
    labels = frozenset(node.labels or ())
    if node.without:
        return None if inner is None else inner - labels
    return labels


def _ever_of_binary(
    node: Binary, left: frozenset[str] | Flow | None, right: frozenset[str] | Flow | None
) -> frozenset[str] | None:
    """Give the labels of what has an operator; a Flow stands for a number, which has none to add."""
    sides = [side for side in (left, right) if not isinstance(side, Flow)]
    if node.operator == "or":
        return _all_of(sides)
    if node.operator in _SETS:
        return sides[0] if sides else None
    known = [side for side in sides if side is not None]
    return frozenset.intersection(*known) if known and not node.grouping else None


def _all_of(each: Sequence[frozenset[str] | None]) -> frozenset[str] | None:
    known = [made for made in each if made is not None]
    return frozenset[str]().union(*known) if len(known) == len(each) else None


def literals(matcher: Matcher) -> frozenset[str] | None:
    """Give the values that a matcher lets through, where it names them."""
    if matcher.operator == "=":
        return frozenset({matcher.value})
    return None


def _of_selector(node: Selector, knowledge: Knowledge, depth: int) -> Flow:
    rules = knowledge.recorded.get(node.name)
    if rules:
        found = _merged([_of_rule(rule.expression, rule.labels, knowledge, depth) for rule in rules])
    else:
        found = _of_series(node, knowledge)
    if node.alternatives:
        return Flow(possible=found.possible)
    values = dict(found.values)
    certain, possible = set(found.certain), found.possible
    for matcher in node.matchers:
        if matcher.label == "__name__":
            continue
        if matcher.operator == "=" and not matcher.value:
            certain.discard(matcher.label)
            possible = None if possible is None else possible - {matcher.label}
        elif matcher.takes("") is False:
            # What does not have the label is not there: the ladder says so where that is everything.
            certain.add(matcher.label)
            possible = None if possible is None else possible | {matcher.label}
            named = literals(matcher)
            if named is not None:
                values[matcher.label] = named
    return Flow(frozenset(certain), possible, values, found.dropped)


def _of_rule(expression: Node, labels: Mapping[str, str], knowledge: Knowledge, depth: int) -> Flow:
    inner = flow(expression, knowledge, depth + 1)
    added = frozenset(label for label, value in labels.items() if value)
    return Flow(
        inner.certain | added,
        None if inner.possible is None else inner.possible | added,
        {**inner.values, **{label: frozenset({labels[label]}) for label in added}},
        {label: part for label, part in inner.dropped.items() if label not in added},
    )


def _of_series(node: Selector, knowledge: Knowledge) -> Flow:
    family = knowledge.families.get(node.name)
    promised = frozenset(family.labels) if family is not None else frozenset[str]()
    if family is not None and node.name.endswith("_bucket"):
        promised |= {OWN_LABEL["histogram"]}
    series = knowledge.chosen(node) or knowledge.series.get(node.name, ())
    if series:
        sets = [frozenset(label for label, value in labels.items() if value) for labels in series]
        jobs = frozenset(labels["job"] for labels in series if labels.get("job"))
        certain = frozenset.intersection(*sets)
        return Flow(
            certain,
            frozenset.union(*sets) | promised,
            {"job": jobs} if "job" in certain and not node.alternatives else {},
        )
    if family is not None:
        return Flow(promised, promised | knowledge.target_labels())
    return Flow()


def _of_aggregate(node: Aggregate, inner: Flow) -> Flow:
    if node.operation in _KEEPS_SERIES:
        return inner
    labels = node.labels or ()
    found = inner.without(labels, node.shown) if node.without else inner.only(labels, node.shown)
    if node.operation == "count_values" and isinstance(node.parameter, Text):
        label = node.parameter.value
        possible = None if found.possible is None else found.possible | {label}
        return Flow(found.certain | {label}, possible, found.values, found.dropped)
    return found


def _of_call(node: Call, knowledge: Knowledge, depth: int) -> Flow:
    if node.function in _SCALARS or node.function == "info":
        return Flow() if node.function == "info" else _SCALAR
    inner = next((found for each in node.arguments if not (found := flow(each, knowledge, depth)).scalar), _NOTHING)
    match node.function:
        case "absent" | "absent_over_time":
            return _of_absent(node)
        case "vector":
            return _NOTHING
        case "histogram_quantile" | "histogram_fraction":
            return Flow(
                inner.certain - {"le"},
                None if inner.possible is None else inner.possible - {"le"},
                inner.values,
                inner.dropped,
            )
        case "label_replace" | "label_join":
            target = next((each.value for each in node.arguments if isinstance(each, Text)), "")
            values = {label: known for label, known in inner.values.items() if label != target}
            gone = {label: part for label, part in inner.dropped.items() if label != target}
            possible = None if inner.possible is None else inner.possible | {target}
            return Flow(inner.certain - {target}, possible, values, gone)
        case _:
            return inner


def _of_absent(node: Call) -> Flow:
    argument = node.arguments[0] if node.arguments else None
    if not isinstance(argument, Selector):
        return _NOTHING
    named = {each.label: each.value for each in argument.matchers if each.operator == "=" and each.label != "__name__"}
    return Flow(frozenset(named), frozenset(named), {label: frozenset({value}) for label, value in named.items()})


def _of_binary(node: Binary, left: Flow, right: Flow) -> Flow:
    if left.scalar or right.scalar:
        return left if right.scalar else right
    if node.operator in _SETS:
        return left
    if node.operator == "or":
        return _merged([left, right])
    if node.grouping:
        many, one = (left, right) if node.grouping == "left" else (right, left)
        return _joined(many, one, node.included)
    if node.on is not None:
        return left.only(node.on, node.shown)
    # Both sides have the same values in the labels that match: what one has for sure, the other has, too.
    return left.without(node.ignoring, node.shown) if node.ignoring else left


def _joined(many: Flow, one: Flow, included: tuple[str, ...]) -> Flow:
    """Give the labels of the side with many series, and some of the other side."""
    named = frozenset(included)
    certain = (many.certain - named) | (one.certain & named)
    possible = None
    if many.possible is not None:
        possible = (many.possible - named) | (named if one.possible is None else one.possible & named)
    values = {label: known for label, known in many.values.items() if label not in named}
    values |= {label: known for label, known in one.values.items() if label in named}
    gone = {label: part for label, part in {**many.dropped, **one.dropped}.items() if label not in (possible or named)}
    return Flow(certain, possible, values, gone)


def _merged(flows: Iterable[Flow]) -> Flow:
    """Give the labels of a result whose series come from either of several."""
    each = list(flows)
    certain = frozenset.intersection(*(found.certain for found in each))
    possible: frozenset[str] | None = frozenset()
    for found in each:
        possible = None if possible is None or found.possible is None else possible | found.possible
    values = {
        label: frozenset[str]().union(*(found.values[label] for found in each))
        for label in certain
        if all(label in found.values for found in each)
    }
    gone = {label: part for found in each for label, part in found.dropped.items() if possible is not None}
    return Flow(certain, possible, values, {k: part for k, part in gone.items() if k not in (possible or ())})
