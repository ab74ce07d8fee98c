"""What a panel makes of a value: whether its unit fits, and which colour it has on either side of a threshold. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from selfcheck.dashboards import Step
from selfcheck.promql import COMPARISONS, Aggregate, Binary, Call, Negation, Node, Selector, Subquery
from selfcheck.units import Unit, constant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from selfcheck.dashboards import Panel

_CLOSE: Final = 1e-6

_SHOWS: Final[Mapping[Unit, tuple[str, ...]]] = {
    Unit.RATIO: ("percentunit",),
    Unit.PERCENT: ("percent",),
    Unit.SECONDS: ("s", "dtdurations", "dthms", "clocks"),
    Unit.BYTES: ("bytes", "decbytes"),
    Unit.PER_SECOND: ("reqps", "ops", "rps", "wps", "iops", "cps", "eps", "mps", "recps", "hertz"),
    Unit.EVENTS: (),
}
"""Which of Grafana's units show a value as what it is. None, short and texts of one's own fit anything."""
_OTHERS: Final = frozenset(
    {"ms", "µs", "ns", "m", "h", "d", "dtdurationms", "clockms", "bits", "decbits", "kbytes", "mbytes", "gbytes"}
    | {"deckbytes", "decmbytes", "decgbytes", "Bps", "binBps", "bps", "binbps", "KBs", "MBs", "GBs"}
    | {"celsius", "fahrenheit", "volt", "amp", "watt", "currencyUSD", "currencyEUR", "currencyGBP", "dB"}
)
"""Units that show none of these as what it is."""
_MEANINGFUL: Final = _OTHERS.union(*_SHOWS.values())

_SAME_VALUE: Final = frozenset({"avg", "min", "max", "topk", "bottomk"})
_SAME_VALUE_CALLS: Final = frozenset(
    {"avg_over_time", "min_over_time", "max_over_time", "last_over_time", "label_replace", "label_join"}
    | {"sort", "sort_desc", "clamp", "clamp_min", "clamp_max"}
)


def misfit(unit: Unit, shown_as: str) -> str:
    """Say in which way a panel's unit does not fit a value; empty where it does, or nothing can be said."""
    if unit is Unit.UNKNOWN or shown_as not in _MEANINGFUL or shown_as in _SHOWS[unit]:
        return ""
    better = f"; {_SHOWS[unit][0]} would fit" if _SHOWS[unit] else ""
    return f"its value is {unit}, and its unit is {shown_as}{better}"


_BIGGEST: Final[Mapping[Unit, float]] = {Unit.RATIO: 1.0, Unit.PERCENT: 100.0}
_TIMES: Final = 10.0
"""A scale that ends this many times too far is for another unit."""


def misscaled(unit: Unit, minimum: float | None, maximum: float | None) -> str:
    """Say in which way the scale of a gauge is for another unit than its value; empty where it is not."""
    biggest = _BIGGEST.get(unit)
    if biggest is None or maximum is None:
        return ""
    span = maximum - (minimum or 0.0)
    if span >= _TIMES * biggest:
        return f"its value is {unit}, and its scale goes to {maximum:g}: it never leaves the lower end"
    if 0 < span <= biggest / (2 * _TIMES) and unit is Unit.PERCENT:
        return f"its value is {unit}, and its scale goes to {maximum:g}: it is always at the upper end"
    return ""


# ------------------------------------------------------------------------------------------------------------- colours


@dataclass(frozen=True, slots=True)
class Scaled:
    """An expression that is `factor` times a metric plus `shift`."""

    metric: str
    factor: float = 1.0
    shift: float = 0.0

    def of(self, value: float) -> float:
        """Give the expression's value for one of the metric."""
        return self.factor * value + self.shift


def scaled(node: Node) -> Scaled | None:
    """Find the one metric that an expression shows, but for numbers; None where it is anything else."""
    found: Scaled | None = None
    match node:
        case Selector(name=name) if name:
            found = Scaled(name)
        case Aggregate(operation=operation) if operation in _SAME_VALUE:
            found = scaled(node.inner)
        case Call(function=function) if function in _SAME_VALUE_CALLS:
            found = scaled(node.arguments[0])
        case Subquery():
            found = scaled(node.inner)
        case Negation():
            inner = scaled(node.inner)
            found = inner and Scaled(inner.metric, -inner.factor, -inner.shift)
        case Binary(operator=operator) if operator in (*COMPARISONS, "and", "unless", "or"):
            found = None if node.returns_bool else scaled(node.left)
        case Binary():
            found = _computed(node)
    return found


def _computed(node: Binary) -> Scaled | None:
    """Do arithmetic with a metric and a number."""
    on_the_left = constant(node.right) is not None
    number = constant(node.right if on_the_left else node.left)
    found = scaled(node.left if on_the_left else node.right)
    if number is None or found is None:
        return None
    match node.operator:
        case "*":
            return Scaled(found.metric, found.factor * number, found.shift * number)
        case "/" if on_the_left and number:
            return Scaled(found.metric, found.factor / number, found.shift / number)
        case "+":
            return Scaled(found.metric, found.factor, found.shift + number)
        case "-":
            sign = 1 if on_the_left else -1
            return Scaled(found.metric, sign * found.factor, sign * (found.shift - number))
        case _:
            return None


_DEFAULT_STEPS: Final = (None, 80.0)
"""What Grafana gives every new panel: nobody chose it."""


def is_colored(panel: Panel) -> bool:
    """Tell whether somebody chose thresholds for a panel, or for some of its series."""
    chosen = len(panel.steps) > 1 and tuple(step.value for step in panel.steps) != _DEFAULT_STEPS
    return chosen or panel.steps_elsewhere


def absolute_steps(panel: Panel) -> tuple[Step, ...]:
    """Give the thresholds that somebody chose for a panel, in the panel's values; empty where there are none."""
    steps = panel.steps
    if len(steps) < 2 or tuple(step.value for step in steps) == _DEFAULT_STEPS:
        return ()
    if not panel.steps_relative:
        return steps
    if panel.minimum is None or panel.maximum is None:
        return ()
    low, width = panel.minimum, panel.maximum - panel.minimum
    return tuple(Step(None if step.value is None else low + width * step.value / 100, step.color) for step in steps)


def color_at(steps: Sequence[Step], value: float) -> str:
    """Give the colour that a panel has at a value. Grafana looks no further than the first step that is not reached."""
    found = steps[0].color
    for step in steps[1:]:
        if step.value is None or value < step.value:
            break
        found = step.color
    return found


def wrong_colors(steps: Sequence[Step], found: Scaled, *, alarm: float, above: bool, good: float | None) -> str:
    """Say where colours contradict the promised thresholds of a metric; empty where they do not.

    Above (or below) `alarm` there must be a step, or the panel must have its last colour already. At `good`, which is
    on the right side of the target, it must have another colour.
    """
    sign = 1 if above else -1
    at_alarm = found.of(alarm)
    beyond = color_at(steps, found.of(alarm + sign * _CLOSE * max(1.0, abs(alarm))))
    last = color_at(steps, found.of(sign * math.inf) if found.factor else found.shift)
    values = [step.value for step in steps if step.value is not None]
    chosen = ", ".join(f"{value:g}" for value in values)
    side = f"{'above' if above is (found.factor > 0) else 'below'} {at_alarm:g}"
    if beyond != last and not any(math.isclose(value, at_alarm, rel_tol=1e-3, abs_tol=1e-9) for value in values):
        return f"its colour changes at {chosen}, and not at {at_alarm:g}: {side} it is still {beyond}"
    if good is None:
        return ""
    fine = color_at(steps, found.of(good))
    if (fine == beyond and len({step.color for step in steps}) > 1) or ("green" in beyond and "green" not in fine):
        return f"its colour changes at {chosen}: it is {fine} at {found.of(good):g}, and {beyond} {side}"
    return ""
