"""Which alerts on `up == 0` would stay silent when the target is gone altogether. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from selfcheck.promql import COMPARISONS, Aggregate, Binary, Call, Role, Selector, uses, walk
from selfcheck.shapes import Finding, Lint
from selfcheck.units import constant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from selfcheck.knowledge import Knowledge
    from selfcheck.promql import Matcher, Node, Use

_UP: Final = "up"


@dataclass(frozen=True, slots=True)
class Watched:
    """How the targets of a job are found: in a list (`static`), or by discovery, which forgets what is gone."""

    job: str
    static: bool


def vanishing(
    alerts: Mapping[str, Node],
    recorded: Iterable[Node],
    jobs: Iterable[Watched],
    knowledge: Knowledge,
    noticed_by: Sequence[str] = (),
) -> Iterator[tuple[str, Finding]]:
    """Give each alert (by its name) on a job that is down, where no loaded rule notices that the job is gone.

    `recorded` are the expressions of recording rules, `noticed_by` has expressions for names of metrics that tell how
    many there should be. A remark where the targets stand in a list.
    """
    of_alerts = [use for node in alerts.values() for use in uses(node)]
    if any(re.fullmatch(name, use.selector.name) for use in of_alerts for name in noticed_by):
        return
    noticing = [use.selector for use in of_alerts if _notices(use)]
    noticing += [use.selector for node in recorded for use in uses(node) if _is_counted(use)]
    for name, node in alerts.items():
        for down in filter(None, map(_down, walk(node))):
            for job in jobs:
                if not _names(down.matchers, job.job) or any(_reads(each, job.job, knowledge) for each in noticing):
                    continue
                kept = "stand in a list" if job.static else "are discovered"
                sentence = (
                    f"a target of {job.job} that is gone has no up to be 0 (its targets {kept}), and no loaded rule "
                    f"has an absent() or a count of them"
                )
                yield name, Finding(Lint.VANISHING, sentence, node.shown, sure=not job.static)


def silent(
    alerts: Mapping[str, Node], recorded: Iterable[Node], jobs: Iterable[Watched], knowledge: Knowledge
) -> Iterator[tuple[str, Finding]]:
    """Give each alert on a job that is gone, where no loaded rule looks at whether its targets answer.

    A target that does not answer has an `up`, which is 0: `absent(up{job="x"})` is silent then.
    """
    every = [use for node in (*alerts.values(), *recorded) for use in uses(node)]
    seeing = [use.selector for use in every if not _only_absent(use) and (use.selector.name == _UP or _notices(use))]
    for name, node in alerts.items():
        for use in filter(_only_absent, uses(node)):
            for job in jobs:
                named = _names(use.selector.matchers, job.job)
                if named and not any(_reads(each, job.job, knowledge) for each in seeing):
                    sentence = (
                        f"a target of {job.job} that does not answer has an up of 0 and is not absent, and no loaded "
                        f"rule sees that"
                    )
                    yield name, Finding(Lint.SILENT, sentence, node.shown)


def _only_absent(use: Use) -> bool:
    """Whether it is asked of `up` that there is none at all, not that there is none of 1."""
    if use.selector.name != _UP or use.role is not Role.ABSENCE or use.selector.range_seconds is not None:
        return False
    below = use.above[-1]  # what the selector stands in
    return isinstance(below, Call) and below.function == "absent"


def _is_counted(use: Use) -> bool:
    """Whether an expression counts targets, for whatever reads what it records."""
    return use.selector.name == _UP and any(
        isinstance(node, Aggregate) and node.operation in ("count", "sum") for node in use.above
    )


def _down(node: Node) -> Selector | None:
    """Give the selector of `up` in a comparison that is true when a target is down."""
    if not isinstance(node, Binary) or node.operator not in COMPARISONS or not isinstance(node.left, Selector):
        return None
    bound = constant(node.right)
    if node.left.name != _UP or bound is None:
        return None
    below = (node.operator, bound) in (("==", 0.0), ("<", 1.0), ("!=", 1.0), ("<=", 0.0))
    return node.left if below else None


def _names(matchers: Iterable[Matcher], job: str) -> bool:
    """Whether matchers choose a job by its name: what takes any job is meant for whatever there is."""
    return any(each.label == "job" and each.operator in ("=", "=~") and each.takes(job) is True for each in matchers)


def _notices(use: Use) -> bool:
    """Whether a rule notices that a selector finds less, or nothing."""
    if use.role is Role.ABSENCE or (use.role is Role.EXCLUDED and use.selector.name == _UP):
        return True
    counted = False
    for node in reversed(use.above):  # from the inside to the outside
        match node:
            case (
                Aggregate(operation="count" | "sum" | "group")
                | Binary(operator="or")
                | Call(function="count_over_time")
            ):
                counted = True
            case Binary(operator="<" | "<=" | "==" | "!="):
                if counted:
                    return True
            case Binary(operator=">" | ">=") if constant(node.left) is not None and counted:
                return True
    return False


def _reads(selector: Selector, job: str, knowledge: Knowledge) -> bool:
    """Whether a selector reads something of a job."""
    if _names(selector.matchers, job):
        return True
    if selector.name == _UP:
        return all(each.takes(job) is not False for each in selector.matchers if each.label == "job")
    return any(labels.get("job") == job for labels in knowledge.chosen(selector))
