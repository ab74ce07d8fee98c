"""Scenarios for rules: how the platform's series move when something happens, written for `promtool test rules`. Pure.

The contract says how each family moves in perfect health (`world`), and what a scenario changes. Together with what is
there on a target (its replicas, bucket bounds, and the series of exporters) that makes the series of a test.
"""

from __future__ import annotations

import fnmatch
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from selfcheck.clients.promtool import alert_test, expression_test
from selfcheck.contract import Model, Promise
from selfcheck.firing import filters, threshold
from selfcheck.promql import Aggregate, Binary, Call, Node, Selector, Subquery, UnreadableError, parse, uses, walk

if TYPE_CHECKING:
    from selfcheck.clients.prometheus import Labels, Rule, RuleGroup

_MINUTE: Final = 60.0
_HISTORY_SECONDS: Final = 3600.0
"""How long a process has counted when a scenario begins."""
_STEPS_MAX: Final = 1_000
"""Moments at which the alerts of a scenario are looked for: a query of promtool may read 10,000 samples."""
_SAMPLES_IN_WINDOW: Final = 5
_EVALUATIONS_MAX: Final = 10_000
"""Evaluations of rules in one scenario, above which rules are evaluated less often, up to once a minute."""

Labelled = Mapping[str, str | tuple[str, ...]]
Mix = tuple[tuple[Annotated[float, Field(ge=0, le=1)], float], ...]


class Movement(Model):
    """How the series of one metric move on each replica: one of `rate`, `value`, or `rate` with `seconds`.

    A label with several values makes several series. A counter with labels that never counts has no series.
    """

    metric: str
    labels: Labelled = Field(default_factory=dict)
    rate: float | None = Field(None, ge=0, description="A counter's growth per second, or a histogram's observations.")
    value: float | None = Field(None, description="A gauge's value.")
    seconds: Mix = Field((), description="A histogram's observations: shares and how long they take.")
    bounds: tuple[str, ...] = Field((), description="A histogram's bounds, where the target has none to copy.")

    @model_validator(mode="after")
    def _one_kind(self) -> Movement:
        if (self.rate is None) == (self.value is None):
            message = "give either `rate` or `value`"
            raise ValueError(message)
        return self


class Change(Model):
    """What a scenario makes of the series that a metric and labels (patterns) name."""

    metric: str
    labels: Mapping[str, str] = Field(default_factory=dict)
    rate: float | None = Field(None, ge=0)
    times: float | None = Field(None, ge=0, description="A factor for the rate, instead of a rate.")
    value: float | None = None
    seconds: Mix = ()

    def concerns(self, metric: str, labels: Labels) -> bool:
        """Tell whether a series is changed."""
        return fnmatch.fnmatchcase(metric, self.metric) and all(
            fnmatch.fnmatchcase(labels.get(name, ""), value) for name, value in self.labels.items()
        )


class Scenario(Model):
    """A story: `lead_minutes` of perfect health, `minutes` of change, `after_minutes` of perfect health again.

    Minutes are those of production timings.
    """

    is_: str = Field(alias="is", min_length=5, description="What happens, as a phrase.")
    lead_minutes: float = Field(0, ge=0)
    minutes: float = Field(gt=0)
    after_minutes: float = Field(0, ge=0)
    changes: tuple[Change, ...] = ()
    always: tuple[Change, ...] = Field((), description="What is otherwise from the beginning to the end.")
    others: tuple[Change, ...] = Field(
        (), description="Changes of series of other programs, which are as on the target: rates and values."
    )
    scrape: Literal["works", "fails", "gone"] = Field(
        "works", description="Whether the platform's targets answer, do not, or are no targets any more."
    )
    replicas: int | None = Field(None, ge=1, description="How many replicas it happens to; all when left out.")
    restart: bool = Field(False, description="Every counter of the platform starts over.")

    @property
    def whole_minutes(self) -> float:
        """How long it is from the beginning to the end."""
        return self.lead_minutes + self.minutes + self.after_minutes

    @property
    def uneventful(self) -> bool:
        """Whether nothing happens."""
        return not (self.changes or self.always or self.others or self.restart) and self.scrape == "works"


class Rehearsed(Promise):
    """Base of the promises about scenarios; `world`, `words` and `scenarios` are the same for all (see [defaults])."""

    scenario: str
    world: tuple[Movement, ...]
    words: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Label values that deployments name differently; the first is the usual one."
    )
    scenarios: Mapping[str, Scenario]
    severity_label: str = "severity"
    tries: tuple[str, ...] = Field((), description="Scenarios in which alerts are tried that fire in no other.")

    @model_validator(mode="after")
    def _tries_known(self) -> Rehearsed:
        if unknown := set(self.tries) - self.scenarios.keys():
            message = f"there is no scenario {', '.join(sorted(unknown))}"
            raise ValueError(message)
        return self

    @field_validator("scenarios")
    @classmethod
    def _known(cls, scenarios: Mapping[str, Scenario], info: ValidationInfo) -> Mapping[str, Scenario]:
        name = info.data.get("scenario")
        if name is not None and name not in scenarios:
            message = f"there is no scenario {name!r} (known: {', '.join(sorted(scenarios))})"
            raise ValueError(message)
        return scenarios

    @property
    def waits(self) -> bool:
        """What is rehearsed is begun first, and takes seconds."""
        return True

    @property
    def story(self) -> Scenario:
        """The scenario."""
        return self.scenarios[self.scenario]

    def needs(self, rules: Rules) -> frozenset[str] | None:  # noqa: ARG002 - for those that need fewer
        """Give the names of the rules that the promise is about; None for all."""
        return None

    def somewhere(self, rules: Rules, stage: Stage) -> tuple[Rule, ...]:  # noqa: ARG002 - for those that have some
        """Give the alerts that are to be tried in every scenario that moves what they read, until they fire."""
        return ()

    @property
    def values_read(self) -> tuple[Value, ...]:
        """What is to be read in the scenario."""
        return ()


class Value(Model):
    """What a query reads at a moment of a scenario."""

    query: str
    after_minutes: float | None = Field(
        None, ge=0, description="Minutes after the change, in production timings; at the end when left out."
    )
    at_least: float | None = None
    at_most: float | None = None
    not_between: tuple[float, float] | None = Field(None, description="Values within these bounds are none of it.")
    takes_seconds: float | None = Field(
        None, description="Instead of bounds: the value lies in the bucket of `family` that holds this."
    )
    family: str = ""
    may_be_empty: bool = False
    may_be_nan: bool = Field(False, description="NaN is remarked, and no breach.")
    unscaled: bool = Field(
        False,
        description="Only where rules have production timings: a test stack may have shortened long windows more.",
    )


# ------------------------------------------------------------------------------------------------------------ the rules


@dataclass(frozen=True, slots=True)
class Rules:
    """The loaded rules, and which metrics each of them reads.

    `moved` are the metrics that scenarios move: those that a selector without one name (`{__name__=~"..."}`) may mean,
    besides what rules record.
    """

    groups: tuple[RuleGroup, ...]
    moved: frozenset[str] = frozenset()

    @property
    def every(self) -> Iterator[Rule]:
        """All rules, in the order of the groups."""
        return (rule for group in self.groups for rule in group.rules)

    @property
    def recorded(self) -> frozenset[str]:
        """The metrics that rules record."""
        return frozenset(rule.name for rule in self.every if rule.kind == "recording")

    def metrics_of(self, expression: str) -> frozenset[str]:
        """Give the names of the metrics that an expression reads; none where it cannot be parsed."""
        selected = selectors_of(expression)
        named = frozenset(selector.name for selector in selected if selector.name)
        patterns = [selector for selector in selected if not selector.name]
        known = self.moved | self.recorded if patterns else ()
        return named.union(*(meant(selector, known) for selector in patterns))

    def read_by(self, names: Iterable[str]) -> frozenset[str]:
        """Give what is read, directly or through recording rules, by the rules of these names; names included."""
        by_name: dict[str, list[Rule]] = {}
        for rule in self.every:
            by_name.setdefault(rule.name, []).append(rule)
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += [read for rule in by_name.get(name, ()) for read in self.metrics_of(rule.query)]
        return frozenset(found)

    def selected_by(self, rule: Rule) -> frozenset[Selector]:
        """Give the selectors of a rule and of those that record what it reads."""
        names = self.read_by([rule.name])
        read = [rule, *(each for each in self.every if each.kind == "recording" and each.name in names)]
        return frozenset(selector for each in read for selector in selectors_of(each.query))

    def alerts(self, names: Iterable[str], severities: Sequence[str], reads: Sequence[str], label: str) -> list[Rule]:
        """Give the alerting rules that bear one of the names, or have one of the severities and read a metric.

        No severities are any, and no metrics are any.
        """
        chosen = frozenset(names)
        return [
            rule
            for rule in self.every
            if rule.kind == "alerting"
            and (
                rule.name in chosen
                if chosen
                else (not severities or rule.labels.get(label) in severities)
                and (not reads or matching(self.read_by(self.metrics_of(rule.query)), reads))
            )
        ]


def matching(names: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """Give the names that one of the patterns matches, sorted."""
    return sorted(name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns))


def metrics_of(expression: str) -> frozenset[str]:
    """Give the metrics that an expression names; none where it cannot be parsed."""
    return frozenset(selector.name for selector in selectors_of(expression) if selector.name)


def meant(selector: Selector, names: Iterable[str]) -> frozenset[str]:
    """Give those of some names of metrics that a selector without one name means."""
    groups = selector.alternatives or (selector.matchers,)
    named = [[each for each in group if each.label == "__name__"] for group in groups]
    return frozenset(
        name for name in names if any(all(each.takes(name) is not False for each in group) for group in named)
    )


def reads_nothing(expression: str) -> bool:
    """Tell whether an expression is true whatever there is, as that of an alert which shows that alerts arrive."""
    try:
        return not uses(parse(expression))
    except UnreadableError:
        return False


def selectors_of(expression: str) -> tuple[Selector, ...]:
    """Give the selectors of an expression; none where it cannot be parsed."""
    try:
        return tuple(use.selector for use in uses(parse(expression)))
    except UnreadableError:
        return ()


def compares_now(expression: str, metrics: Sequence[str]) -> bool:
    """Tell whether an expression looks at the present value of a metric, rather than at its past."""
    try:
        found = uses(parse(expression))
    except UnreadableError:
        return False
    return any(
        use.selector.range_seconds is None
        and not any(isinstance(node, Subquery) for node in use.above)
        and not any(isinstance(node, Call) and node.function.endswith("_over_time") for node in use.above)
        and matching([use.selector.name], metrics)
        for use in found
    )


# -------------------------------------------------------------------------------------------- what is there to move


@dataclass(frozen=True, slots=True)
class Copy:
    """A series that the rules read and the contract does not know, as the target has it: it goes on as it is."""

    labels: Labels
    value: float
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Stage:
    """What a scenario is played on: the target's own labels, so that rules find what they look for.

    `replicas` are the labels of the platform's targets, `others` of all other ones. `bounds` are those of histograms,
    `words` the label values in use here. `time_scale` divides all durations.
    """

    replicas: tuple[Labels, ...]
    others: tuple[Labels, ...] = ()
    bounds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    copies: tuple[Copy, ...] = ()
    interval_seconds: float = 15.0
    time_scale: float = 1.0

    @property
    def copied(self) -> frozenset[str]:
        """The metrics that are copied."""
        return frozenset(copy.labels["__name__"] for copy in self.copies)


@dataclass(frozen=True, slots=True)
class Clock:
    """The steps of a scenario: scrapes before, during and after the change."""

    scenario: Scenario
    interval_seconds: float
    time_scale: float

    def seconds(self, minutes: float) -> float:
        """Give the seconds of minutes in production timings, in whole scrapes."""
        return max(0, round(minutes * _MINUTE / self.time_scale / self.interval_seconds)) * self.interval_seconds

    @property
    def phases(self) -> tuple[int, int, int]:
        """How many scrapes lie before, in and after the change; the very last belongs to the last phase there is."""
        counts = [
            round(self.seconds(minutes) / self.interval_seconds)
            for minutes in (self.scenario.lead_minutes, self.scenario.minutes, self.scenario.after_minutes)
        ]
        counts[1] = max(counts[1], 1)  # a change that is shorter than the time between scrapes is seen by one
        counts[2 if counts[2] else 1] += 1
        return counts[0], counts[1], counts[2]

    @property
    def change_seconds(self) -> float:
        """When the change comes."""
        return self.seconds(self.scenario.lead_minutes)

    @property
    def end_seconds(self) -> float:
        """When the scenario ends."""
        return (sum(self.phases) - 1) * self.interval_seconds

    def moment(self, after_minutes: float | None) -> float:
        """Give the moment so many minutes after the change, the end for None."""
        if after_minutes is None:
            return self.end_seconds
        return min(self.end_seconds, self.change_seconds + self.seconds(after_minutes))

    def minutes(self, at_seconds: float) -> float:
        """Give how many minutes of production timings after the change a moment is."""
        return (at_seconds - self.change_seconds) * self.time_scale / _MINUTE


def duration(seconds: float) -> str:
    """Write a time as promtool takes it."""
    return f"{round(seconds * 1000)}ms"


def sampled_seconds(scrape_seconds: float, rules: Rules, longest_seconds: float) -> float:
    """Give the time between samples of a scenario: that between scrapes, or more where a scenario is very long for it.

    The shortest window of a rule still has enough samples for a rate.
    """
    ranges = [each.range_seconds for rule in rules.every for each in selectors_of(rule.query) if each.range_seconds]
    roomy = min(ranges, default=math.inf) / _SAMPLES_IN_WINDOW
    return max(scrape_seconds, min(roomy, longest_seconds / _STEPS_MAX))


# --------------------------------------------------------------------------------------------------------- the series


def tried_in(rule: Rule, rules: Rules, promise: Rehearsed) -> list[str]:
    """Give those of the scenarios to try that move something that an alert reads."""
    read = rules.read_by([rule.name])
    families = frozenset(name for each in read for name in (each, family_of(each)))
    return [
        name
        for name, story in promise.scenarios.items()
        if name in promise.tries
        and (
            (story.scrape != "works" and "up" in read)
            or any(matching(families, (change.metric,)) for change in story.changes)
        )
    ]


def can_be_tried(rule: Rule, rules: Rules, promise: Rehearsed, stage: Stage) -> bool:
    """Tell whether all that an alert reads is in the world: the metrics, and series that its selectors take."""
    there: dict[str, list[Labels]] = {"up": [{}]}
    for movement in promise.world:
        for labels in _combinations(movement.labels, stage.words):
            there.setdefault(movement.metric, []).append(labels)
    found = [each for each in rules.selected_by(rule) if each.name not in rules.recorded]
    return bool(found) and all(_takes_some(each, there) for each in found)


_UNTRIED: Final = re.compile(
    r"predict_linear|deriv|changes|resets|holt_winters|double_exponential_smoothing|std(dev|var)(_over_time)?|"
    r"quantile_over_time|absent(_over_time)?|time|timestamp|minute|hour|day_of_\w+|days_in_month|month|year"
)
"""Functions of the calendar, of trends and of absence: whether they ever are true is no matter of these scenarios."""


def has_fixed_limits(rule: Rule, rules: Rules) -> bool:
    """Tell whether an alert compares what it measures with numbers alone, each time from one side.

    What is compared with its own past, or lies between two limits, may be met by none of a few scenarios.
    """
    names = rules.read_by([rule.name])
    try:
        alert = parse(rule.query)
        made = [parse(each.query) for each in rules.every if each.kind == "recording" and each.name in names]
    except UnreadableError:
        return False
    if any(_is_untried(node) for tree in (alert, *made) for node in walk(tree)):
        return False
    limits = [threshold(node) for node in walk(alert) if filters(node)]
    known = [(of.shown, operator.strip("=")) for of, operator, _ in filter(None, limits)]
    excluded = any(isinstance(node, Binary) and node.operator == "unless" for node in walk(alert))
    return not excluded and None not in limits and len(set(known)) == len({of for of, _ in known})


def _is_untried(node: Node) -> bool:
    match node:
        case Call():
            return _UNTRIED.fullmatch(node.function) is not None
        case Aggregate():
            return _UNTRIED.fullmatch(node.operation) is not None
        case Selector():
            return bool(node.offset_seconds) or node.pinned
        case _:
            return False


def _takes_some(selector: Selector, there: Mapping[str, Sequence[Labels]]) -> bool:
    if not selector.name or selector.alternatives:
        return False
    series_of = there.get(selector.name) or there.get(family_of(selector.name), ())
    return any(
        all(each.takes(labels.get(each.label, "")) is not False for each in selector.matchers if each.label in labels)
        for labels in series_of
    )


def family_of(metric: str) -> str:
    """Give the histogram that a series belongs to by its name, or the name."""
    for suffix in ("_bucket", "_count", "_sum"):
        if metric.endswith(suffix):
            return metric.removesuffix(suffix)
    return metric


def series(world: Sequence[Movement], scenario: Scenario, stage: Stage, reads: frozenset[str]) -> list[dict[str, str]]:
    """Give the input series of a scenario that somebody `reads`."""
    clock = Clock(scenario, stage.interval_seconds, stage.time_scale)
    concerned = scenario.replicas or len(stage.replicas)
    made: list[dict[str, str]] = []
    for number, labels in enumerate(stage.replicas):
        hit = number < concerned
        scrape = scenario.scrape if hit else "works"
        mine = scenario if hit else scenario.model_copy(update={"changes": ()})
        if "up" in reads:
            made.append(_written("up", labels, _up(clock, scrape)))
        for movement in world:
            for name, own, rates in _moving(movement, mine, stage):
                values = _values(rates, clock, restart=scenario.restart) if name in reads else []
                if values:
                    made.append(_written(name, {**own, **labels}, _cut(values, clock, scrape)))
        made += [
            _written(copy.labels["__name__"], copy.labels, _cut(_copied(copy, clock, scenario), clock, scrape))
            for copy in stage.copies
            if _belongs(copy, labels)
        ]
    if "up" in reads:
        made += [_written("up", labels, _up(clock, "works")) for labels in stage.others]
    made += [
        _written(copy.labels["__name__"], copy.labels, _copied(copy, clock, scenario))
        for copy in stage.copies
        if not any(_belongs(copy, labels) for labels in stage.replicas)
    ]
    return made


@dataclass(frozen=True, slots=True)
class _Rates:
    """Growth per second (or with `gauge` the values) in the three phases; `labelled`: not there before it counts."""

    phases: tuple[float, float, float]
    gauge: bool
    labelled: bool


def _moving(movement: Movement, scenario: Scenario, stage: Stage) -> Iterator[tuple[str, Labels, _Rates]]:
    """Give the series of one replica that a line of the world stands for."""
    for labels in _combinations(movement.labels, stage.words):
        before = _after(scenario.always, movement, labels, stage)
        changed = _after(scenario.changes, before, labels, stage)
        # What has no time before or after the change was never otherwise.
        phases = (before if scenario.lead_minutes else changed, changed, before if scenario.after_minutes else changed)
        if movement.value is not None:
            yield movement.metric, labels, _rates(phases, lambda each: _number(each.value), gauge=True)
        elif movement.seconds:
            yield from _buckets(phases, labels, bounds_of(movement, stage))
        else:
            yield movement.metric, labels, _rates(phases, lambda each: _number(each.rate), labelled=bool(labels))


def _after(changes: Iterable[Change], movement: Movement, labels: Labels, stage: Stage) -> Movement:
    """Give what becomes of a movement by those of some changes that concern it."""
    for change in changes:
        if _in_words(change, stage).concerns(movement.metric, labels):
            movement = _changed(movement, change)
    return movement


def _in_words(change: Change, stage: Stage) -> Change:
    return change.model_copy(
        update={"labels": {name: _word(value, stage.words) for name, value in change.labels.items()}}
    )


def touches(rule: Rule, rules: Rules, promise: Rehearsed, stage: Stage) -> bool:
    """Tell whether some selector of a rule takes a series that the scenario changes."""
    story = promise.story
    changed: list[tuple[str, Labels]] = [
        (movement.metric, {**labels, **replica})
        for movement in promise.world
        for labels in _combinations(movement.labels, stage.words)
        if any(_in_words(change, stage).concerns(movement.metric, labels) for change in story.changes)
        for replica in stage.replicas or ({},)
    ]
    changed += [
        (copy.labels["__name__"], copy.labels)
        for copy in stage.copies
        if any(change.concerns(copy.labels["__name__"], copy.labels) for change in story.others)
    ]
    return any(
        metric in (selector.name, family_of(selector.name))
        and all(each.takes(labels.get(each.label, "")) is not False for each in selector.matchers)
        for selector in rules.selected_by(rule)
        for metric, labels in changed
    )


_Phases = tuple[Movement, Movement, Movement]


def _rates(phases: _Phases, of: Callable[[Movement], float], *, gauge: bool = False, labelled: bool = False) -> _Rates:
    return _Rates((of(phases[0]), of(phases[1]), of(phases[2])), gauge, labelled)


def _buckets(phases: _Phases, labels: Labels, bounds: Sequence[str]) -> Iterator[tuple[str, Labels, _Rates]]:
    # A bucket that holds nothing is there as soon as its histogram is.
    idle = bool(labels) and not any(each.rate for each in phases)
    metric = phases[0].metric
    for bound in bounds:
        yield f"{metric}_bucket", {**labels, "le": bound}, _rates(phases, _up_to(float(bound)), labelled=idle)
    yield f"{metric}_count", labels, _rates(phases, _up_to(math.inf), labelled=idle)
    yield f"{metric}_sum", labels, _rates(phases, _taken, labelled=idle)


def _up_to(bound: float) -> Callable[[Movement], float]:
    return lambda each: _number(each.rate) * sum(share for share, took in each.seconds if took <= bound)


def _taken(movement: Movement) -> float:
    return _number(movement.rate) * sum(share * took for share, took in movement.seconds)


def bounds_of(movement: Movement, stage: Stage) -> tuple[str, ...]:
    """Give the bounds of a histogram as the target writes them, `+Inf` last."""
    bounds = stage.bounds.get(movement.metric) or movement.bounds
    return (*sorted((bound for bound in bounds if not math.isinf(float(bound))), key=float), "+Inf")


def moved(world: Iterable[Movement]) -> frozenset[str]:
    """Give the names of all series of a world."""
    histogram = ("_bucket", "_count", "_sum")
    return frozenset(
        each.metric + suffix for each in world for suffix in (histogram if each.seconds or each.bounds else ("",))
    )


def bucket_around(seconds: float, bounds: Sequence[str]) -> tuple[float, float]:
    """Give the bounds of the bucket that holds a time."""
    uppers = [float(bound) for bound in bounds]
    upper = min(bound for bound in uppers if bound >= seconds)
    return max((bound for bound in uppers if bound < seconds), default=0.0), upper


def _changed(movement: Movement, change: Change) -> Movement:
    update: dict[str, Any] = {}
    if change.rate is not None:
        update["rate"] = change.rate
    if change.times is not None and movement.rate is not None:
        update["rate"] = movement.rate * change.times
    if change.value is not None and movement.value is not None:
        update["value"] = change.value
    if change.seconds and movement.seconds:
        update["seconds"] = change.seconds
    return movement.model_copy(update=update)


def _number(value: float | None) -> float:
    return 0.0 if value is None else value


def _word(text: str, words: Mapping[str, str]) -> str:
    return words.get(text[1:-1], text) if text[:1] == "{" and text[-1:] == "}" else text


def _combinations(labels: Labelled, words: Mapping[str, str]) -> list[Labels]:
    made: list[Labels] = [{}]
    for name, values in labels.items():
        each = (values,) if isinstance(values, str) else values
        made = [{**before, name: _word(value, words)} for before in made for value in each]
    return made


def _values(rates: _Rates, clock: Clock, *, restart: bool) -> list[str]:
    """Write the values of a series, a text for each phase; nothing for one that never is."""
    counts = clock.phases
    if rates.gauge:
        return [_run(value, 0.0, count) for value, count in zip(rates.phases, counts, strict=True)]
    if rates.labelled and not any(rates.phases):
        return []
    step = clock.interval_seconds
    born = not rates.labelled or rates.phases[0] > 0
    # As if it had counted for an hour, in time that is scaled like everything else.
    now = rates.phases[0] * _HISTORY_SECONDS / clock.time_scale
    texts = []
    for number, (rate, count) in enumerate(zip(rates.phases, counts, strict=True)):
        if number == 1 and restart:
            now = 0.0
        born = born or rate > 0
        texts.append(_run(now + rate * step, rate * step, count) if born else _missing(count))
        now += rate * step * count if born else 0.0
    return texts


def _copied(copy: Copy, clock: Clock, scenario: Scenario) -> list[str]:
    """Write the values of a series as it is on the target, in the change as the scenario has it."""
    name = copy.labels["__name__"]
    change = next((each for each in scenario.others if each.concerns(name, copy.labels)), None)
    step, now, texts = clock.interval_seconds, copy.value, []
    for number, count in enumerate(clock.phases):
        own = change if number == 1 else None
        if own is not None and own.value is not None:
            texts.append(_run(own.value, 0.0, count))
            continue
        rate = copy.rate if own is None or own.rate is None else own.rate
        texts.append(_run(now, rate * step, count))
        now += rate * step * count
    return texts


def _up(clock: Clock, scrape: str) -> list[str]:
    before, during, after = clock.phases
    if scrape == "gone":
        return _cut([_run(1.0, 0.0, count) for count in clock.phases], clock, scrape)
    return [_run(1.0, 0.0, before), _run(1.0 if scrape == "works" else 0.0, 0.0, during), _run(1.0, 0.0, after)]


def _cut(values: list[str], clock: Clock, scrape: str) -> list[str]:
    """Take away what is not scraped during the change. Prometheus marks at once where a series ends."""
    if scrape == "works" or not any(values):
        return values
    during = clock.phases[1]
    return [values[0], f"stale {_missing(during - 1)}".strip() if during else "", values[2]]


def _run(start: float, step: float, count: int) -> str:
    if count < 1:
        return ""
    sign = "+" if step >= 0 else "-"
    return _decimal(start) if count == 1 else f"{_decimal(start)}{sign}{_decimal(abs(step))}x{count - 1}"


def _missing(count: int) -> str:
    return f"_x{count}" if count > 0 else ""


def _decimal(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return f"{value:.9f}".rstrip("0").rstrip(".") or "0"


def _written(name: str, labels: Labels, values: list[str]) -> dict[str, str]:
    inner = ",".join(f"{label}={_quoted(value)}" for label, value in labels.items() if label != "__name__")
    return {"series": f"{name}{{{inner}}}", "values": " ".join(text for text in values if text)}


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _belongs(copy: Copy, target: Labels) -> bool:
    return all(copy.labels.get(name) == target.get(name) for name in ("job", "instance"))


# ---------------------------------------------------------------------------------------------------------- the files

FIRED_FIRST, FIRED_LAST = 0, 1
"""The numbers under which a test gives when each alert was first and last firing (or pending); values come after."""
VALUES_FROM: Final = 2


def rules_document(rules: Rules, wanted: frozenset[str] | None) -> tuple[dict[str, Any], list[str]]:
    """Write the rules that are wanted (None: all) as a rule file; gives it with the order of its groups.

    A group that records what another one reads goes before it, so that a test is not one evaluation behind for each.
    """
    groups: list[dict[str, Any]] = []
    taken: set[str] = set()
    for group in _in_order(rules):
        found = [_rule(rule) for rule in group.rules if wanted is None or rule.name in wanted]
        if not found:
            continue
        name = group.name
        while name in taken:  # two files may each have a group of this name
            name += "'"
        taken.add(name)
        groups.append({"name": name, "interval": duration(group.interval_seconds), "rules": found})
    return {"groups": groups}, [group["name"] for group in groups]


def _in_order(rules: Rules) -> list[RuleGroup]:
    groups = rules.groups
    made = [frozenset(rule.name for rule in group.rules if rule.kind == "recording") for group in groups]
    reads = [frozenset(name for rule in group.rules for name in rules.metrics_of(rule.query)) for group in groups]
    waiting, ordered = list(range(len(groups))), list[int]()
    while waiting:
        free = [each for each in waiting if not any(reads[each] & made[other] for other in waiting if other != each)]
        ordered += free or waiting  # groups that read each other have no right order
        waiting = [each for each in waiting if each not in ordered]
    return [groups[each] for each in ordered]


def _rule(rule: Rule) -> dict[str, Any]:
    if rule.kind == "recording":
        return {"record": rule.name, "expr": rule.query, "labels": dict(rule.labels)}
    made: dict[str, Any] = {
        "alert": rule.name,
        "expr": rule.query,
        "for": duration(rule.duration_seconds),
        "labels": dict(rule.labels),
        "annotations": dict(rule.annotations),
    }
    if rule.keep_firing_seconds:
        made["keep_firing_for"] = duration(rule.keep_firing_seconds)
    return made


def scenario_document(
    name: str, promise: Rehearsed, stage: Stage, rules: Rules, wanted: frozenset[str] | None, values: Sequence[Value]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write a test of a scenario: gives the rule file, which is to be `<name>.rules.json`, and the test file."""
    rule_file, order = rules_document(rules, wanted)
    chosen = [rule for rule in rules.every if wanted is None or rule.name in wanted]
    clock = Clock(promise.scenarios[name], stage.interval_seconds, stage.time_scale)
    every = evaluation_seconds(rules, len(chosen), clock)
    reads = frozenset(read for rule in chosen for read in rules.metrics_of(rule.query))
    reads |= frozenset(read for value in values for read in metrics_of(value.query))
    step = max(every, clock.end_seconds / _STEPS_MAX)
    span = f"[{duration(clock.end_seconds + step)}:{duration(step)}]"
    end = duration(clock.end_seconds)
    test = {
        "name": name,
        "interval": duration(stage.interval_seconds),
        "input_series": series(promise.world, promise.scenarios[name], stage, reads),
        "promql_expr_test": [
            expression_test(FIRED_FIRST, f"min_over_time(timestamp(ALERTS){span})", end),
            expression_test(FIRED_LAST, f"max_over_time(timestamp(ALERTS){span})", end),
            *(
                expression_test(number, value.query, duration(clock.moment(value.after_minutes)))
                for number, value in enumerate(values, VALUES_FROM)
            ),
        ],
        "alert_rule_test": [
            alert_test(alert, end) for alert in sorted({rule.name for rule in chosen if rule.kind == "alerting"})
        ],
    }
    return rule_file, {
        "rule_files": [f"{name}.rules.json"],
        "evaluation_interval": duration(every),
        "group_eval_order": order,
        "tests": [test],
    }


def evaluation_seconds(rules: Rules, rules_count: int, clock: Clock) -> float:
    """Give how often rules are evaluated: as often as the busiest group is, but not more often than is scraped.

    Very many rules are evaluated less often, up to once a minute; windows over what they record still have samples.
    """
    least = min((group.interval_seconds for group in rules.groups), default=clock.interval_seconds)
    affordable = clock.end_seconds * rules_count / _EVALUATIONS_MAX
    often = max(least, clock.interval_seconds)
    recorded = rules.recorded
    windows = [
        each.range_seconds / 2
        for rule in rules.every
        for each in selectors_of(rule.query)
        if each.range_seconds and (each.name in recorded if each.name else meant(each, recorded))
    ]
    return max(often, min(affordable, _MINUTE / clock.time_scale, *windows))
