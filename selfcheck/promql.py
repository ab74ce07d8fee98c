"""PromQL as a tree: what an expression reads, and in which role.

promql-parser parses; what it gives is turned into frozen dataclasses, because its own nodes cannot be compared, and do
not say which operator they stand for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

COMPARISONS: Final = ("==", "!=", "<=", ">=", "<", ">")
SET_OPERATORS: Final = ("and", "or", "unless")
_OPERATORS: Final = (*COMPARISONS, *SET_OPERATORS, "atan2", "+", "-", "*", "/", "%", "^")
_WORD: Final = re.compile(r"[a-z_0-9]+")
_SPACE: Final = re.compile(r"\s+")


class UnreadableError(ValueError):
    """An expression that the parser does not take; the text says why."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """One label matcher: `operator` is `=`, `!=`, `=~` or `!~`."""

    label: str
    operator: str
    value: str

    def __str__(self) -> str:
        value = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.label}{self.operator}"{value}"'

    def takes(self, value: str) -> bool | None:
        """Whether a label value matches; None where Python cannot read the expression. A missing label is `""`."""
        if self.operator in ("=", "!="):
            return (value == self.value) is (self.operator == "=")
        try:
            found = re.fullmatch(self.value, value, re.DOTALL) is not None
        except re.error:
            return None
        return found is (self.operator == "=~")


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an expression. `text` is PromQL for this part alone, on as many lines as it takes."""

    text: str = field(compare=False)

    def children(self) -> tuple[Node, ...]:
        """Give the parts that it is made of, from left to right."""
        return ()

    @property
    def shown(self) -> str:
        """The text on one line, for people; not to be asked, because spaces within strings are lost."""
        return " ".join(self.text.split()).replace("( ", "(").replace(" )", ")")


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A number."""

    value: float


@dataclass(frozen=True, slots=True)
class Text(Node):
    """A string."""

    value: str


@dataclass(frozen=True, slots=True)
class Selector(Node):
    """A vector selector, or with `range_seconds` a matrix selector.

    `name` is empty where the metric is not given by one name. `alternatives` are further lists of matchers (`or`).
    """

    name: str
    matchers: tuple[Matcher, ...]
    alternatives: tuple[tuple[Matcher, ...], ...] = ()
    range_seconds: float | None = None
    offset_seconds: float = 0.0
    pinned: bool = False
    """Looks at a fixed moment (`@`)."""

    @property
    def series_text(self) -> str:
        """The selector without range, offset and pin: what to ask for its series."""
        groups = [*self.alternatives] or [self.matchers]
        return self.name + "{" + " or ".join(",".join(map(str, group)) for group in groups) + "}"


@dataclass(frozen=True, slots=True)
class Subquery(Node):
    """An expression evaluated over a range; without a step, at Prometheus' own evaluation interval."""

    inner: Node
    range_seconds: float
    step_seconds: float | None

    def children(self) -> tuple[Node, ...]:
        """Give what is evaluated."""
        return (self.inner,)


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function."""

    function: str
    arguments: tuple[Node, ...]

    def children(self) -> tuple[Node, ...]:
        """Give the arguments."""
        return self.arguments


@dataclass(frozen=True, slots=True)
class Aggregate(Node):
    """An aggregation; `labels` are those of `by`, or with `without` those that are dropped. None: neither is given."""

    operation: str
    inner: Node
    parameter: Node | None
    labels: tuple[str, ...] | None
    without: bool

    def children(self) -> tuple[Node, ...]:
        """Give what is aggregated, after the parameter."""
        return (self.inner,) if self.parameter is None else (self.parameter, self.inner)


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """An operator between two operands.

    `on` holds the labels that are matched, `ignoring` those that are not; None where not given. `grouping` is "left",
    "right" or "" (one to one, and set operators), `included` the labels that it takes over. `returns_bool`: 0 or 1
    instead of a filter.
    """

    operator: str
    left: Node
    right: Node
    on: tuple[str, ...] | None = None
    ignoring: tuple[str, ...] | None = None
    grouping: str = ""
    included: tuple[str, ...] = ()
    returns_bool: bool = False

    def children(self) -> tuple[Node, ...]:
        """Give both operands."""
        return (self.left, self.right)

    @property
    def matching_text(self) -> str:
        """The modifiers between the operator and the right operand, ready to be put there again."""
        parts = ["bool"] if self.returns_bool else []
        if self.on is not None:
            parts.append(f"on ({', '.join(self.on)})")
        if self.ignoring is not None:
            parts.append(f"ignoring ({', '.join(self.ignoring)})")
        if self.grouping:
            parts.append(f"group_{self.grouping} ({', '.join(self.included)})")
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Negation(Node):
    """A minus before an expression."""

    inner: Node

    def children(self) -> tuple[Node, ...]:
        """Give what is negated."""
        return (self.inner,)


class Role(StrEnum):
    """What it means for an expression that a selector finds nothing."""

    NEEDED = "needed"
    """Then there is no result from here."""
    DEFAULTED = "defaulted"
    """Then `or` gives something else."""
    ABSENCE = "absence"
    """`absent()` and `absent_over_time()`: then there is a result."""
    EXCLUDED = "excluded"
    """The right side of `unless`: then nothing is taken away."""


@dataclass(frozen=True, slots=True)
class Use:
    """A selector in its place: `above` are the nodes that it stands in, from the outside to the inside."""

    selector: Selector
    role: Role
    above: tuple[Node, ...]


@lru_cache(maxsize=4096)
def parse(text: str) -> Node:
    """Read an expression; raises UnreadableError. Parentheses only group: they are not in the tree."""
    try:
        found = _parser().parse(text)
    except ValueError as error:
        raise UnreadableError(" ".join(str(error).split())) from error
    return _converted(found)


@lru_cache(maxsize=1)
def _parser() -> ModuleType:
    import promql_parser  # noqa: PLC0415 - only a run that looks at rules or dashboards pays for it

    # The name that Prometheus 3 took away; what has it is older, and right.
    vector, scalar, matrix = (getattr(promql_parser.ValueType, name) for name in ("Vector", "Scalar", "Matrix"))
    smoothing = promql_parser.Function("holt_winters", [matrix, scalar, scalar], vector)
    promql_parser.register_extra_functions([smoothing])
    return promql_parser


def walk(node: Node) -> Iterator[Node]:
    """Give a node and everything in it, outside first."""
    yield node
    for child in node.children():
        yield from walk(child)


def uses(node: Node) -> tuple[Use, ...]:
    """Give every selector with its role."""
    return tuple(_uses(node, Role.NEEDED, ()))


def always_gives(node: Node) -> bool:
    """Whether an expression has a result whatever series there are: numbers, `vector(0)`, and what is made of them."""
    match node:
        case Number() | Text():
            return True
        case Call(function="absent" | "absent_over_time"):
            return False
        case Call(arguments=()):
            return True
        case Binary(operator="or"):
            return always_gives(node.left) or always_gives(node.right)
        case Binary(operator=operator) if operator in (*COMPARISONS, "and", "unless") and not node.returns_bool:
            return False
        case _:
            children = node.children()
            return bool(children) and all(map(always_gives, children))


def _uses(node: Node, role: Role, above: tuple[Node, ...]) -> Iterator[Use]:
    here = (*above, node)
    match node:
        case Selector():
            yield Use(node, role, above)
        case Call(function="absent" | "absent_over_time"):
            for child in node.children():
                yield from _uses(child, Role.ABSENCE, here)
        case Binary(operator="unless"):
            yield from _uses(node.left, role, here)
            yield from _uses(node.right, Role.EXCLUDED, here)
        case Binary(operator="or"):
            either = Role.DEFAULTED if role is Role.NEEDED else role
            yield from _uses(node.left, either, here)
            yield from _uses(node.right, either, here)
        case _:
            for child in node.children():
                yield from _uses(child, role, here)


# promql-parser's nodes are not told apart by its type stubs: what `parse` gives is an `Expr` without attributes.
def _converted(found: Any) -> Node:
    kind = type(found).__name__
    if kind not in _CONVERTERS:
        message = f"an expression of an unknown kind: {kind}"
        raise UnreadableError(message)
    return _CONVERTERS[kind](str(found.prettify()), found)


def _subquery(text: str, found: Any) -> Subquery:
    step = None if found.step is None else found.step.total_seconds()
    return Subquery(text, _converted(found.expr), found.range.total_seconds(), step)


def _selector(text: str, found: Any, range_seconds: float | None) -> Selector:
    matchers = tuple(map(_matcher, found.matchers.matchers))
    name = found.name or ""
    if not name:
        # {"a.name"} and {__name__="a_name"} give a name as well.
        names = [each.value for each in matchers if each.label == "__name__" and each.operator == "="]
        name = names[0] if len(names) == 1 and _WORD.fullmatch(names[0].lower().replace(":", "_")) else ""
        matchers = tuple(each for each in matchers if not name or each.label != "__name__")
    return Selector(
        text,
        name,
        matchers,
        tuple(tuple(map(_matcher, group)) for group in found.matchers.or_matchers),
        range_seconds,
        0.0 if found.offset is None else found.offset.total_seconds(),
        found.at is not None,
    )


def _matcher(found: Any) -> Matcher:
    operator = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}[str(found.op).rpartition(".")[2]]
    return Matcher(found.name, operator, found.value)


def _aggregate(text: str, found: Any) -> Aggregate:
    operation = cast("re.Match[str]", _WORD.match(text.strip())).group()
    parameter = None if found.param is None else _converted(found.param)
    modifier = found.modifier
    labels = None if modifier is None else tuple(modifier.labels)
    without = modifier is not None and str(modifier.type).endswith("Without")
    return Aggregate(text, operation, _converted(found.expr), parameter, labels, without)


def _binary(text: str, found: Any) -> Binary:
    operator = _operator(text, found)
    modifier = found.modifier
    if modifier is None:
        return Binary(text, operator, _converted(found.lhs), _converted(found.rhs))
    matching = modifier.matching
    included = matching is not None and str(matching.type).endswith("Include")
    labels = None if matching is None else tuple(matching.labels)
    card = str(modifier.card).rpartition(".")[2]
    return Binary(
        text,
        operator,
        _converted(found.lhs),
        _converted(found.rhs),
        on=labels if included else None,
        ignoring=None if included else labels,
        grouping={"ManyToOne": "left", "OneToMany": "right"}.get(card, ""),
        included=tuple(modifier.group_labels or ()),
        returns_bool=bool(modifier.return_bool),
    )


def _operator(text: str, found: Any) -> str:
    """Read the operator from where the left operand ends: the parser has it as a number without a name."""
    rest = _SPACE.sub("", text).removeprefix(_SPACE.sub("", found.lhs.prettify()))
    for operator in _OPERATORS:
        if rest.startswith(operator):
            return operator
    message = f"an operator that is not known, in {text!r}"
    raise UnreadableError(message)


_CONVERTERS: Final[dict[str, Callable[[str, Any], Node]]] = {
    "ParenExpr": lambda _, found: _converted(found.expr),
    "NumberLiteral": lambda text, found: Number(text, found.val),
    "StringLiteral": lambda text, found: Text(text, found.val),
    "VectorSelector": lambda text, found: _selector(text, found, None),
    "MatrixSelector": lambda text, found: _selector(text, found.vector_selector, found.range.total_seconds()),
    "SubqueryExpr": _subquery,
    "Call": lambda text, found: Call(text, found.func.name, tuple(map(_converted, found.args))),
    "UnaryExpr": lambda text, found: Negation(text, _converted(found.expr)),
    "AggregateExpr": _aggregate,
    "BinaryExpr": _binary,
}
