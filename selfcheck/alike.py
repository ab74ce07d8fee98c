"""Recorded metrics whose names differ in a duration alone: they are the same thing over several windows. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from selfcheck.alerting import sources, undated
from selfcheck.promql import Aggregate, Binary, Call, Node, Selector, Subquery, walk
from selfcheck.shapes import Finding, Lint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from selfcheck.firing import Rulebook

Labels = tuple[tuple[str, str], ...]
Shape = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """A recording rule: where it stands, what it records with which labels, and how."""

    place: str
    name: str
    labels: Mapping[str, str]
    node: Node

    @property
    def series(self) -> tuple[str, Labels]:
        """The name and the labels that it adds."""
        return self.name, tuple(sorted(self.labels.items()))

    @property
    def of(self) -> tuple[str, Labels]:
        """The name and these labels without durations; two with the same are windows of one thing."""
        return undated(self.name), tuple(sorted((name, undated(text)) for name, text in self.labels.items()))

    @property
    def reads(self) -> tuple[str, ...]:
        """What it reads, in order, without durations."""
        return tuple(undated(node.name) for node in walk(self.node) if isinstance(node, Selector))


def unlike(windows: Sequence[Window], book: Rulebook) -> Iterator[tuple[str, Finding]]:
    """Give each recording that is made as its other windows are, and of something else.

    It is sure where that comes from other metrics in the end: windows may be made of each other in several ways. What
    several rules record under one name has several makings for each window, and is left alone.
    """
    often = Counter(window.series for window in windows)
    alike: dict[tuple[object, ...], list[Window]] = {}
    for window in windows:
        if often[window.series] == 1 and window.of != window.series:
            alike.setdefault((window.of, _shape(window.node)), []).append(window)
    for group in alike.values():
        usual = Counter(window.reads for window in group).most_common(1)[0][0]
        model = next(window for window in group if window.reads == usual)
        for odd in (window for window in group if window.reads != usual):
            mine, others = next((one, two) for one, two in zip(odd.reads, usual, strict=True) if one != two)
            sure = sources(odd.node, book) != sources(model.node, book)
            sentence = f"it reads {mine} where {model.name} reads {others}, and they are windows of one thing"
            yield odd.place, Finding(Lint.WINDOWS_ALIKE, sentence, odd.node.shown, sure=sure)


def _shape(node: Node) -> Shape:
    """Give how an expression is made, whatever it reads, and however long its windows are."""
    inner = tuple(map(_shape, node.children()))
    match node:
        case Selector():
            return ("selector", node.range_seconds is not None, bool(node.offset_seconds), node.pinned, bool(node.name))
        case Call():
            return (node.function, *inner)
        case Aggregate():
            return (node.operation, frozenset(node.labels or ()), node.without, *inner)
        case Binary():
            return (node.operator, node.on, node.ignoring, node.grouping, node.included, *inner)
        case Subquery():
            return ("subquery", *inner)
        case _:
            return (type(node).__name__, *inner)
