"""Tries on the live target whether alerting rules can fire: asks their expressions without the thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from selfcheck.alerting import Alerting, Nothing, Value, at, selectors
from selfcheck.firing import branches, filters, is_scalar, never, relaxed
from selfcheck.ladder import Rung, Step, climb
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.promql import Aggregate, Binary, Call, Node, Selector

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from selfcheck.firing import Rulebook
    from selfcheck.target import Target

_DEPTH_MAX = 20


class State(IntEnum):
    """What is known of a chance to fire, the better the higher."""

    NEVER = 0
    """It cannot fire."""
    UNKNOWN = 1
    """It could not be looked at."""
    NOT_NOW = 2
    """Something that it needs has no series now, as may be."""
    CAN = 3
    """Without its thresholds it has series."""


@dataclass(frozen=True, slots=True)
class Chance:
    """Whether an expression can have a result, and if not, why."""

    state: State
    why: str = ""


def chances(target: Target, alerts: Sequence[Alerting], book: Rulebook) -> list[Chance]:
    """Say of each alert whether it can fire: that of its alternatives which is nearest to it counts."""
    steps = _steps(target, alerts, book)
    parts = [(number, branch) for number, alert in enumerate(alerts) for branch in _open(alert)]
    judged = _Judge(target, book, steps).judged([branch for _, branch in parts])
    found = [Chance(State.UNKNOWN, alert.trouble) if alert.node is None else Chance(State.CAN) for alert in alerts]
    best: dict[int, Chance] = {}
    for (number, _), chance in zip(parts, judged, strict=True):
        best[number] = max(best.get(number, chance), chance, key=lambda each: each.state)
    return [best.get(number, chance) for number, chance in enumerate(found)]


def _open(alert: Alerting) -> tuple[Node, ...]:
    """Give what must be looked at: an alert that is active has shown already that it fires."""
    return () if alert.node is None or alert.rule.alerts else branches(alert.node)


def _steps(target: Target, alerts: Sequence[Alerting], book: Rulebook) -> Mapping[str, Step | CouldNotObserve]:
    wanted = {
        found.series_text: found for alert in alerts if alert.node is not None for found in selectors(alert.node, book)
    }
    return climb(target, wanted.values())


def _gone(step: Step | CouldNotObserve | None) -> bool:
    """Whether what a selector asks for does not exist at all, for sure."""
    if not isinstance(step, Step) or not step.missing or step.exporter:
        return False
    return step.rung is not Rung.VALUE or step.certain


@dataclass(slots=True)
class _Judge:
    target: Target
    book: Rulebook
    steps: Mapping[str, Step | CouldNotObserve]

    def judged(self, parts: Sequence[Node]) -> list[Chance]:
        """Judge each alternative: by its values, by what its operands ask for, and by what it gives."""
        sure = [self._sure(part) for part in parts]
        gives = self._give([part for part, chance in zip(parts, sure, strict=True) if chance is None])
        found = []
        for part, chance in zip(parts, sure, strict=True):
            found.append(chance or self._tried(part, gives))
        return found

    def _sure(self, part: Node) -> Chance | None:
        if is_scalar(part):
            return Chance(State.CAN)
        reason = never(part, self.book)
        if reason:
            return Chance(State.NEVER, reason)
        if at(part, self._given, self.book) is Nothing.EMPTY:
            lacking = next(
                (
                    step.sentence
                    for text in self._texts(part)
                    if isinstance(step := self.steps.get(text), Step) and _gone(step)
                ),
                "",
            )
            return Chance(State.NEVER, lacking) if lacking else None
        return None

    def _given(self, selector: Selector) -> Value | None:
        return Nothing.EMPTY if _gone(self.steps.get(selector.series_text)) else None

    def _texts(self, part: Node) -> Iterator[str]:
        return (found.series_text for found in selectors(part, self.book))

    def _give(self, parts: Sequence[Node]) -> dict[str, float | CouldNotObserve]:
        """Count what the expressions give without their thresholds at the top, and for want of that, without any."""
        counts = self._counted([relaxed(part) for part in parts])
        again = [relaxed(part, everywhere=True) for part in parts if not counts[relaxed(part)]]
        return {**counts, **self._counted([text for text in again if text not in counts])}

    def _counted(self, texts: Sequence[str]) -> dict[str, float | CouldNotObserve]:
        asked = list(dict.fromkeys(texts))
        results = self.target.prometheus_client().query_all([f"count({text})" for text in asked])
        found: dict[str, float | CouldNotObserve] = {}
        for text, result in zip(asked, results, strict=True):
            if isinstance(result, CouldNotObserve):
                found[text] = result
            elif result.samples:
                found[text] = result.samples[0].value
            else:
                found[text] = _incomplete(result.asked, result.warnings) if result.warnings else 0.0
        return found

    def _tried(self, part: Node, gives: Mapping[str, float | CouldNotObserve]) -> Chance:
        for text in (relaxed(part), relaxed(part, everywhere=True)):
            got = gives.get(text, 0.0)
            if isinstance(got, CouldNotObserve):
                return _untold(got)
            if got:
                return Chance(State.CAN)
        return self._why_nothing(part, 0)

    # ------------------------------------------------------------------------------------------------ what is missing

    def _gives(self, part: Node) -> bool | Chance:
        """Whether a part of an expression has series now; or why that cannot be told."""
        if is_scalar(part):
            return True
        text = relaxed(part, everywhere=True)
        got = self.target.once(("gives", text), lambda: self._counted([text])[text])
        return _untold(got) if isinstance(got, CouldNotObserve) else bool(got)

    def _why_nothing(self, part: Node, depth: int) -> Chance:  # noqa: PLR0911 - one case a kind of node
        """Go down to where an expression loses its series: a join that matches nothing is sure, all else may come."""
        if depth > _DEPTH_MAX:
            return Chance(State.NOT_NOW, "it depends on itself")
        match part:
            case Selector():
                return self._why_no_series(part, depth)
            case Call(function="absent" | "absent_over_time"):
                return Chance(State.CAN)
            case Binary(operator="or"):
                return max(
                    (self._why_nothing(side, depth + 1) for side in part.children()), key=lambda each: each.state
                )
            case Binary(operator="unless"):
                return self._why_nothing(part.left, depth + 1)
            case Binary():
                return self._why_no_match(part, depth)
            case Aggregate():
                return self._why_nothing(part.inner, depth + 1)
            case _:
                inner = [child for child in part.children() if not is_scalar(child)]
                return self._why_nothing(inner[-1], depth + 1) if inner else Chance(State.NOT_NOW)

    def _why_no_match(self, part: Binary, depth: int) -> Chance:
        reasons = []
        for side in part.children():
            given = self._gives(side)
            if isinstance(given, Chance):
                return given
            if not given:
                reasons.append(self._why_nothing(side, depth + 1))
        if reasons:
            return min(reasons, key=lambda each: each.state)
        if filters(part) and any(map(is_scalar, part.children())):
            return Chance(State.NOT_NOW)
        # Asked anew: between the queries before, series may have appeared.
        text = relaxed(part, everywhere=True)
        again = self._counted([text])[text]
        if isinstance(again, CouldNotObserve):
            return _untold(again)
        if again:
            return Chance(State.CAN)
        matching = part.matching_text or "all labels"
        return Chance(
            State.NEVER,
            f"`{part.left.shown}` and `{part.right.shown}` both have series, but none of them match by {matching}",
        )

    def _why_no_series(self, selector: Selector, depth: int) -> Chance:
        step = self.steps.get(selector.series_text)
        if isinstance(step, CouldNotObserve):
            return _untold(step)
        if step is not None and _gone(step):
            return Chance(State.NEVER, step.sentence)
        reasons = [self._why_nothing(rule, depth + 1) for rule in self.book.recorded.get(selector.name, ())]
        if reasons and (step is None or step.rung is not Rung.FOUND):
            return max(reasons, key=lambda each: each.state)
        return Chance(State.NOT_NOW, step.sentence if step is not None else "")


def _untold(trouble: CouldNotObserve) -> Chance:
    # Without a comparison there may be several series where there was to be one: that says nothing of the alert.
    executed = ", execution:" in trouble.came_back
    return Chance(State.NOT_NOW if executed else State.UNKNOWN, trouble.came_back)


def _incomplete(asked: str, warnings: Sequence[str]) -> CouldNotObserve:
    return CouldNotObserve(
        Trouble.UNEXPECTED_ANSWER, asked=asked, came_back=f"Prometheus warns: {warnings[0]}", hint=""
    )
