"""What is known of the metrics that expressions read: from the contract, the loaded rules, and Prometheus itself."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from selfcheck import promql
from selfcheck.families import FamilyOf, Quantity, families, quantities
from selfcheck.observation import CouldNotObserve
from selfcheck.promql import Node, Selector, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from selfcheck.clients.prometheus import Labels, Rule
    from selfcheck.target import Target

_SERIES_OF_ONE_MAX: Final = 1000
_SERIES_MAX: Final = 20_000
_QUERY_CHARACTERS_MAX: Final = 3000
_TYPED_SUFFIX: Final = re.compile(r"_(bucket|count|sum|total|created)$")
_SUFFIXED: Final = {
    ("total", "counter"): "counter",
    **{(suffix, kind): "counter" for suffix in ("bucket", "count", "sum") for kind in ("histogram", "summary")},
    **{("created", kind): "gauge" for kind in ("counter", "histogram", "summary")},
}
"""What a family's suffixed samples are, by suffix and the family's type."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording rule: its expression, and the labels that it adds."""

    rule: str
    expression: Node
    labels: Mapping[str, str]
    interval_seconds: float


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known of metrics, by the name that a selector reads; what is not in here is not known."""

    families: Mapping[str, FamilyOf] = field(default_factory=dict)
    quantities: Mapping[str, tuple[Quantity, ...]] = field(default_factory=dict)
    recorded: Mapping[str, tuple[Recorded, ...]] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()
    """What is recorded by rules that cannot be read."""
    types: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By family, as the targets say."""
    series: Mapping[str, Sequence[Labels]] = field(default_factory=dict)
    """All series there are now, of the metrics that have not too many."""
    intervals: Mapping[str, float] = field(default_factory=dict)
    """Seconds between two scrapes, by job: the longest of its targets."""
    derived: dict[str, Any] = field(default_factory=dict, compare=False)
    """What was derived of a selector before, by its `series_text`: many rules read the same."""

    def type_of(self, name: str) -> str:
        """Tell the type of the samples of a name: counter, gauge, histogram (a native one), or empty."""
        promised = self.families.get(name)
        if promised is not None:
            return "counter" if promised.type in ("histogram", "summary") and name != promised.name else promised.type
        if name in self.recorded or name in self.unread:
            return ""
        if name == "up" or name.startswith("scrape_"):
            return "gauge"
        own = self.types.get(name, ())
        if own:
            return own[0] if len(own) == 1 and own[0] in ("counter", "gauge", "histogram") else ""
        suffix = _TYPED_SUFFIX.search(name)
        of_base = self.types.get(name[: suffix.start()], ()) if suffix else ()
        return _SUFFIXED.get((suffix[1], of_base[0]), "") if suffix and len(of_base) == 1 else ""

    def target_labels(self) -> frozenset[str]:
        """Give the labels that scraping adds."""
        return frozenset({"job", "instance"}.union(*self.series.get("up", ()))) - {"__name__"}

    def interval_of(self, selector: Selector) -> float | None:
        """Tell how many seconds lie between two samples of what a selector reads; None where it is not known."""
        rules = self.recorded.get(selector.name)
        if rules is not None:
            return max(rule.interval_seconds for rule in rules)
        found = [self.intervals.get(labels.get("job", "")) for labels in self.chosen(selector)]
        known = [seconds for seconds in found if seconds is not None]
        return max(known) if known and len(known) == len(found) else None

    def chosen(self, selector: Selector) -> list[Labels]:
        """Give the known series that a selector takes."""
        if selector.alternatives:
            return list(self.series.get(selector.name, ()))
        return [
            labels
            for labels in self.series.get(selector.name, ())
            if all(each.takes(labels.get(each.label, "")) is not False for each in selector.matchers)
        ]


def loaded_rules(target: Target) -> tuple[Rule, ...]:
    """Give every loaded rule; raises CouldNotObserve."""
    return tuple(rule for group in target.rule_groups() for rule in group.rules)


def selectors(node: Node) -> Iterator[Selector]:
    """Give every selector in an expression."""
    return (each for each in promql.walk(node) if isinstance(each, Selector))


def gather(target: Target, expressions: Iterable[Node]) -> Knowledge:
    """Learn what there is to know for these expressions; raises CouldNotObserve.

    What recording rules read is learnt as well, because their labels and units come from there.
    """
    recorded, unread = target.once("recorded", lambda: _recorded(loaded_rules(target)))
    nodes = [*expressions, *(rule.expression for rules in recorded.values() for rule in rules)]
    names = {each.name for node in nodes for each in selectors(node) if each.name} - recorded.keys()
    return Knowledge(
        families=target.once("families", lambda: families(target.contract)),
        quantities=target.once("quantities", lambda: quantities(target.contract)),
        recorded=recorded,
        unread=unread,
        types=types(target),
        series=_series(target, names | {"up"}),
        intervals=target.once("scrape intervals", lambda: _intervals(target)),
    )


@dataclass(frozen=True, slots=True)
class Made:
    """What a recorded metric is made of, through all rules that record what it reads.

    `reads` are the metrics at the bottom, which nobody records; `windows_seconds` how far back they are read: the
    longest range on each way down, and all of that way's together; `behind_seconds` how old what it says may be,
    because rules are evaluated one after the other; `own_labels` are the labels that its rules add. `guards` are the
    comparisons that let it have a value above some number only.
    """

    reads: frozenset[str]
    windows_seconds: frozenset[float]
    behind_seconds: float
    own_labels: frozenset[str]
    guards: tuple[str, ...] = ()


def made_of(rules: Sequence[Rule], name: str, *, above: frozenset[str] = frozenset()) -> Made | None:
    """Tell what a metric is made of; None where no rule records it, or one on the way down cannot be read."""
    own = [rule for rule in rules if rule.kind == "recording" and rule.name == name]
    if not own or name in above:
        return None
    recorded = {rule.name for rule in rules if rule.kind == "recording"}
    reads: set[str] = set()
    windows: set[float] = set()
    guards: list[str] = []
    behind = 0.0
    for rule in own:
        try:
            tree = promql.parse(rule.query)
        except UnreadableError:
            return None
        guards += map(_flat, filter(_guards, promql.walk(tree)))
        for use in promql.uses(tree):
            ranges = [node.range_seconds for node in use.above if isinstance(node, promql.Subquery)]
            ranges += filter(None, [use.selector.range_seconds])
            if use.selector.name not in recorded:
                reads.add(use.selector.name)
                windows |= {max(ranges), sum(ranges)} if ranges else set()
                continue
            below = made_of(rules, use.selector.name, above=above | {name})
            if below is None:
                return None
            reads |= below.reads
            guards += below.guards
            behind = max(behind, below.behind_seconds)
            windows |= {max([*ranges, found]) for found in below.windows_seconds}
            windows |= {sum([*ranges, found]) for found in below.windows_seconds}
    behind += max(rule.interval_seconds for rule in own)
    labels = frozenset[str]().union(*(rule.labels for rule in own))
    return Made(frozenset(reads), frozenset(windows), behind, labels, tuple(dict.fromkeys(guards)))


def _guards(node: Node) -> bool:
    """Whether a node drops what is not above a number, 0 aside: `requests > 0.1`."""
    return (
        isinstance(node, promql.Binary)
        and node.operator in (">", ">=")
        and not node.returns_bool
        and isinstance(node.right, promql.Number)
        and node.right.value > 0
    )


def _flat(node: Node) -> str:
    return " ".join(node.text.split())


def types(target: Target) -> Mapping[str, tuple[str, ...]]:
    """Give the types that targets give their families; none where this Prometheus does not keep them."""
    with contextlib.suppress(CouldNotObserve):
        return target.once("metric types", target.prometheus_client().types)
    return {}


def recording_names(target: Target) -> frozenset[str]:
    """Give the name of everything that loaded rules record; raises CouldNotObserve."""
    return frozenset(rule.name for rule in loaded_rules(target) if rule.kind == "recording")


def _recorded(rules: Iterable[Rule]) -> tuple[dict[str, tuple[Recorded, ...]], frozenset[str]]:
    found: dict[str, tuple[Recorded, ...]] = {}
    unread = set()
    for rule in rules:
        if rule.kind != "recording":
            continue
        try:
            expression = promql.parse(rule.query)
        except UnreadableError:
            unread.add(rule.name)
        else:
            one = Recorded(f"{rule.group}/{rule.name}", expression, rule.labels, rule.interval_seconds)
            found[rule.name] = (*found.get(rule.name, ()), one)
    return {name: rules for name, rules in found.items() if name not in unread}, frozenset(unread)


def _intervals(target: Target) -> dict[str, float]:
    found: dict[str, float] = {}
    for each in target.targets():
        found[each.job] = max(found.get(each.job, 0.0), each.interval_seconds)
    return found


def _series(target: Target, names: Iterable[str]) -> Mapping[str, list[Labels]]:
    """Give the series of each metric, unless it has too many; a name that was asked for is not asked for again."""
    kept: dict[str, list[Labels]] = target.once("series by name", dict)
    wanted = sorted(set(names) - kept.keys())
    client = target.prometheus_client()
    counts: dict[str, float] = {}
    for counted in client.query_all([f"count by (__name__) ({each})" for each in _by_names(wanted)]):
        if not isinstance(counted, CouldNotObserve) and not counted.warnings:
            counts |= {sample.labels.get("__name__", ""): sample.value for sample in counted.samples}
    few, total = [], 0.0
    for name, count in sorted(counts.items(), key=lambda item: item[1]):
        total += count
        if count <= _SERIES_OF_ONE_MAX and total <= _SERIES_MAX:
            few.append(name)
    for listed in client.query_all(_by_names(few)):
        if not isinstance(listed, CouldNotObserve) and not listed.warnings:
            for sample in listed.samples:
                own = {label: value for label, value in sample.labels.items() if label != "__name__"}
                kept.setdefault(sample.labels.get("__name__", ""), []).append(own)
    return kept


def _by_names(names: Iterable[str]) -> list[str]:
    """Give selectors of many names each, none of which is too long for a URL."""
    batches: list[list[str]] = []
    length = _QUERY_CHARACTERS_MAX
    for name in names:
        length += len(name) + 1
        if length > _QUERY_CHARACTERS_MAX:
            batches.append([])
            length = len(name)
        batches[-1].append(name)
    return [f'{{__name__=~"{"|".join(batch)}"}}' for batch in batches]
