"""Whose rules are loaded: a Prometheus that many share has rules of others, which are theirs to mend."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from selfcheck.families import families, quantities
from selfcheck.observation import CouldNotObserve
from selfcheck.promql import UnreadableError, parse, uses

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from selfcheck.clients.prometheus import Rule, RuleGroup
    from selfcheck.promql import Selector
    from selfcheck.target import Target

_SHARED_ABOVE: Final = 0.5
"""The share of alerts in files without anything of the platform from which on a Prometheus is one that others share.

Below it they are what the platform's people have for Prometheus itself, or for what the platform needs.
"""
_ANY_OTHER: Final = "some-other-job"


@dataclass(frozen=True, slots=True)
class Owned:
    """The rule groups of the platform, and those of others."""

    own: tuple[RuleGroup, ...]
    others: tuple[RuleGroup, ...] = ()

    def of(self, groups: Sequence[RuleGroup]) -> Owned:
        """Divide the same groups, seen at another time."""
        files = {group.file for group in self.others}
        own = tuple(group for group in groups if group.file not in files)
        return Owned(own, tuple(group for group in groups if group.file in files))

    @property
    def rehearsed(self) -> tuple[RuleGroup, ...]:
        """All but the alerts of others: what they record may be read."""
        return (
            *self.own,
            *(
                replace(each, rules=tuple(rule for rule in each.rules if rule.kind != "alerting"))
                for each in self.others
            ),
        )


def divided(groups: Sequence[RuleGroup], metrics: Collection[str], jobs: Collection[str]) -> Owned:
    """Tell groups apart: a file is the platform's if one of its rules reads its metrics, or its jobs in particular."""
    known, files = set(metrics), set[str]()
    while more := {
        group.file
        for group in groups
        if group.file not in files and any(_reads(rule, known, jobs) for rule in group.rules)
    }:
        files |= more
        known |= {
            rule.name for group in groups if group.file in more for rule in group.rules if rule.kind != "alerting"
        }
    own = tuple(group for group in groups if group.file in files)
    others = tuple(group for group in groups if group.file not in files)
    mine, theirs = _alerts_in(own), _alerts_in(others)
    shared = mine > 0 and theirs / (mine + theirs) > _SHARED_ABOVE
    return Owned(own, others) if shared else Owned(tuple(groups))


def _alerts_in(groups: Sequence[RuleGroup]) -> int:
    return sum(rule.kind == "alerting" for group in groups for rule in group.rules)


def _reads(rule: Rule, metrics: Collection[str], jobs: Collection[str]) -> bool:
    try:
        selected = [use.selector for use in uses(parse(rule.query))]
    except UnreadableError:
        return False
    return any(selector.name in metrics or _asks_for(selector, jobs) for selector in selected)


def _asks_for(selector: Selector, jobs: Collection[str]) -> bool:
    matchers = [matcher for matcher in selector.matchers if matcher.label == "job"]
    return any(
        all(matcher.takes(job) for matcher in matchers) and not all(matcher.takes(_ANY_OTHER) for matcher in matchers)
        for job in jobs
        if matchers
    )


def owned(target: Target) -> Owned:
    """Divide the loaded rule groups; raises CouldNotObserve where none can be seen."""

    def look() -> Owned:
        jobs: set[str] = set()
        with contextlib.suppress(CouldNotObserve):
            jobs = {each.job for each in target.app_targets()}
        metrics = families(target.contract).keys() | quantities(target.contract).keys()
        return divided(target.rule_groups(), metrics, jobs)

    return target.once("owned rule groups", look)
