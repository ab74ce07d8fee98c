"""Rehearsals: the rules that the target has loaded, run by promtool on the series of scenarios.

Nothing is done to the platform: what happens in a scenario happens in a file.
"""

from __future__ import annotations

import contextlib
import math
import re
import shlex
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import Field

from selfcheck.checking import check
from selfcheck.contract import Model
from selfcheck.observation import CouldNotObserve
from selfcheck.rehearsal import (
    Rehearsed,
    Rules,
    Value,
    bounds_of,
    bucket_around,
    can_be_tried,
    compares_now,
    has_fixed_limits,
    matching,
    metrics_of,
    reads_nothing,
    touches,
    tried_in,
)
from selfcheck.rehearsing import Played, set_up
from selfcheck.run import keeps_from_looking
from selfcheck.values import harmless, some
from selfcheck.verdict import Verdict, combine, failed, inconclusive, not_covered, passed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from selfcheck.clients.prometheus import Rule
    from selfcheck.clients.promtool import Given
    from selfcheck.rehearsal import Stage
    from selfcheck.rehearsing import Fired, Rehearsal
    from selfcheck.target import Target

P = TypeVar("P", bound=Rehearsed)

_HAIR: Final = 1e-9
_LATELY_SECONDS: Final = 60
_BAD_TEMPLATE: Final = re.compile(r"<error expanding template: .*|%!\w?\(.*")
_TEMPLATE_ERROR: Final = re.compile(r"template: __\w+:[\d:]+ |error executing template \w+: ")

_INSTALL: Final = "install it (Debian: apt-get install prometheus), or name the program with SELF_CHECK_PROMTOOL"
_NO_PROMTOOL: Final = "none"
"""What the setting says where rehearsals are out of scope."""


def _reproduce(played: Played) -> str:
    return f"promtool test rules {shlex.quote(str(played.file))}" if played.file else ""


def _where(promise: Rehearsed) -> str:
    return f"the loaded rules, rehearsed: {promise.story.is_}"


def _place(promise: Rehearsed, played: Played) -> dict[str, str]:
    return {"where": _where(promise), "reproduce": _reproduce(played)}


def _unplayed(promise: Rehearsed, played: Played, needed: frozenset[str] = frozenset()) -> Verdict | None:
    """Say that a scenario, or one of the rules that are needed in it, could not be played."""
    if played.trouble:
        return inconclusive(promise.says, f"promtool: {harmless(played.trouble)[:300]}", **_place(promise, played))
    missing = [f"{name}: {harmless(reason)[:200]}" for name, reason in played.left_out.items() if name in needed]
    if missing:
        remedy = "mend the rule, or use a promtool that is as new as the Prometheus (SELF_CHECK_PROMTOOL)"
        observed = f"promtool cannot run {some(missing)}"
        return inconclusive(promise.says, observed, remedy=remedy, **_place(promise, played))
    return None


# ------------------------------------------------------------------------------------------------------------- signals


class Signals(Rehearsed):
    """What signals read in a scenario."""

    values: tuple[Value, ...] = Field(min_length=1)

    @property
    def values_read(self) -> tuple[Value, ...]:
        """The values."""
        return self.values

    def needs(self, rules: Rules) -> frozenset[str]:
        """Give the rules that record what is read, and what they are made of."""
        return rules.read_by(name for value in self.values for name in metrics_of(value.query))


def judge_signals(promise: Signals, rehearsal: Rehearsal) -> Verdict:
    """Every signal reads what the scenario says."""
    played = rehearsal.played[promise.scenario]
    unplayed = _unplayed(promise, played)
    if unplayed is not None:
        return unplayed
    scaled = rehearsal.stage.time_scale != 1
    values = [value for value in promise.values if not (scaled and value.unscaled)]
    if not values:
        return not_covered("the rules have the timings of a test stack", "look where they have those of production")
    return combine(_judge_value(promise, value, rehearsal, played) for value in values)


def _judge_value(promise: Signals, value: Value, rehearsal: Rehearsal, played: Played) -> Verdict:
    rules, place = rehearsal.rules, _place(promise, played)
    missing = metrics_of(value.query) - rules.recorded
    if missing:
        remedy = "Prometheus' own rules alone are rehearsed: drop the signal, or have this Prometheus record it"
        return not_covered(f"no loaded rule records {', '.join(sorted(missing))}", remedy)
    unplayed = _unplayed(promise, played, rules.read_by(metrics_of(value.query)))
    if unplayed is not None:
        return unplayed
    low, high = _bounds(promise, value, rehearsal)
    moment = "at the end" if value.after_minutes is None else f"{value.after_minutes:g} min after the change"
    empty = " or nothing" if value.may_be_empty else ""
    gap = "" if value.not_between is None else " and not from {:g} to {:g}".format(*value.not_between)
    expected = f"{value.query} {_range(low, high)}{gap}{empty} {moment}"
    given = played.values[value]
    if isinstance(given, str):
        return inconclusive(expected, f"promtool: {harmless(given)}", **place)
    notes = [f"{value.query} is NaN when {promise.story.is_}"] if value.may_be_nan and _nans(given) else []
    wrong = _wrong(value, given, low, high)
    if wrong and rehearsal.stands_still(metrics_of(value.query)):
        remedy = "what it is made of is not in the world of the contract's rehearsal.toml: add it there"
        return not_covered(f"no scenario moves what {value.query} is made of", remedy)
    if wrong:
        return failed(expected, f"{value.query} {wrong}; {_recorded(rules, value)}", notes=notes, **place)
    seen = some([f"{each.value:g}" for each in given]) or "nothing"
    return passed(f"{value.query} = {seen}", where=place["where"], notes=notes)


def _bounds(promise: Signals, value: Value, rehearsal: Rehearsal) -> tuple[float, float]:
    if value.takes_seconds is None:
        low = -math.inf if value.at_least is None else value.at_least
        return low, math.inf if value.at_most is None else value.at_most
    histogram = next(movement for movement in promise.world if movement.metric == value.family)
    return bucket_around(value.takes_seconds, bounds_of(histogram, rehearsal.stage))


def _range(low: float, high: float) -> str:
    if math.isinf(low) or math.isinf(high):
        return f"at least {low:g}" if math.isinf(high) else f"at most {high:g}"
    return f"= {low:g}" if low == high else f"from {low:g} to {high:g}"


def _nans(given: Sequence[Given]) -> bool:
    return any(math.isnan(each.value) for each in given)


def _wrong(value: Value, given: Sequence[Given], low: float, high: float) -> str:
    if not given:
        return "" if value.may_be_empty else "has no value"
    outside = [
        each
        for each in given
        if not (
            value.may_be_nan
            if math.isnan(each.value)
            else low - _HAIR * max(1, abs(low)) <= each.value <= high + _HAIR * max(1, abs(high))
            and not _in_gap(value, each.value)
        )
    ]
    return f"reads {some([_shown(each) for each in outside])}" if outside else ""


def _in_gap(value: Value, number: float) -> bool:
    return value.not_between is not None and value.not_between[0] <= number <= value.not_between[1]


def _shown(given: Given) -> str:
    inner = ", ".join(f'{name}="{value}"' for name, value in given.labels.items() if name != "__name__")
    return f"{given.value:g}{f' for {inner}' if inner else ''}"


def _recorded(rules: Rules, value: Value) -> str:
    names = metrics_of(value.query)
    recording = [rule for rule in rules.every if rule.kind == "recording" and rule.name in names]
    return some([f"{rule.group}/{rule.name} is {_line(rule.query)}" for rule in recording])


def _line(expression: str) -> str:
    text = " ".join(expression.split())
    return text if len(text) <= 200 else f"{text[:197]}..."


# -------------------------------------------------------------------------------------------------------------- alerts


class About(Model):
    """Which alerts a promise is about: these names, or these severities and what they read. Nothing given is any."""

    names: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    reads: tuple[str, ...] = Field((), description="Metrics of which it reads one, also through recording rules.")
    directly: tuple[str, ...] = Field((), description="Metrics of which it names one itself.")
    but_not: tuple[str, ...] = Field((), description="Metrics of which it reads none, also through recording rules.")

    def among(self, rules: Rules, label: str) -> list[Rule]:
        """Give the loaded alerts that are meant."""
        found = rules.alerts(self.names, self.severities, self.reads, label)
        return [
            rule
            for rule in found
            if (not self.directly or matching(rules.metrics_of(rule.query), self.directly))
            and not (self.but_not and matching(rules.read_by([rule.name]), self.but_not))
        ]

    def __str__(self) -> str:
        if self.names:
            return " or ".join(self.names)
        severity = f" of severity {' or '.join(self.severities)}" if self.severities else ""
        read = self.reads or self.directly
        named = " or ".join(read[:3]) + (", ..." if len(read) > 3 else "")
        return f"alert{severity}{f' that reads {named}' if read else ''}"


class Fires(Rehearsed):
    """At least one of some alerts fires in a scenario, in time."""

    about: About
    within_minutes: float = Field(gt=0, description="Minutes after the change, in production timings.")
    elsewhere: tuple[str, ...] = Field(
        (), description="Patterns of metrics that no scenario moves: an alert on them may do instead."
    )
    needs_replicas: bool = Field(False, description="Only where the environment says how many replicas there are.")
    optional: bool = Field(False, description="A deployment need not have such an alert.")
    touched: bool = Field(
        False, description="Only alerts that select series which the scenario changes, and compare with fixed limits."
    )

    def meant(self, rehearsal: Rehearsal) -> list[Rule]:
        """Give the alerts of which one must fire."""
        rules = rehearsal.rules
        return [
            rule
            for rule in self.about.among(rules, self.severity_label)
            if not self.touched or (has_fixed_limits(rule, rules) and touches(rule, rules, self, rehearsal.stage))
        ]

    def needs(self, rules: Rules) -> frozenset[str]:
        """Give the alerts that may fire, and what they are made of."""
        return rules.read_by(rule.name for rule in self.about.among(rules, self.severity_label))


def judge_fires(promise: Fires, rehearsal: Rehearsal) -> Verdict:
    """One of the alerts fires, soon enough."""
    played, rules = rehearsal.played[promise.scenario], rehearsal.rules
    place = _place(promise, played)
    expected = f"an {promise.about} fires within {promise.within_minutes:g} min"
    candidates = promise.meant(rehearsal)
    names = {rule.name for rule in candidates}
    # What was pending before the change, or fires in perfect health too, tells nothing of the change.
    fired = [
        each
        for each in sorted(played.fired, key=_first_minutes)
        if each.name in names - rehearsal.always and (each.pending_minutes or 0) >= -_HAIR
    ]
    in_time = [each for each in fired if -_HAIR <= _first_minutes(each) <= promise.within_minutes + _HAIR]
    if in_time:
        return passed(f"{in_time[0].name} fires after {_first_minutes(in_time[0]):.1f} min", where=place["where"])
    unplayed = _no_alerts(rules) or _unplayed(promise, played, rules.read_by(names)) or _elsewhere(promise, rules)
    if unplayed is not None:
        return unplayed
    if not candidates and promise.optional:
        return not_covered(f"there is no {promise.about}", "load one, if the deployment is to have it")
    if not candidates:
        return failed(expected, f"there is no {promise.about} among the loaded rules", **place)
    scraped = ("up",) if promise.story.scrape != "works" else ()
    still = [rule for rule in candidates if rehearsal.stands_still({rule.name}, but=scraped)]
    if still and len(still) == len(candidates) and not promise.touched:
        remedy = "what they read is not in the world of the contract's rehearsal.toml: add it there"
        return not_covered(f"no scenario moves what is read by {some([rule.name for rule in candidates])}", remedy)
    copied = rehearsal.stage.copied
    candidates.sort(key=lambda rule: bool(rules.read_by([rule.name]) & copied))  # those that no scenario moves last
    return failed(expected, some([_unfired(rule, played) for rule in candidates]), **place)


def _first_minutes(fired: Fired) -> float:
    return math.inf if fired.first_minutes is None else fired.first_minutes


def _no_alerts(rules: Rules) -> Verdict | None:
    if any(rule.kind == "alerting" for rule in rules.every):
        return None
    return not_covered("no alerting rule is loaded", "Prometheus' own alerts alone are rehearsed")


def _elsewhere(promise: Fires, rules: Rules) -> Verdict | None:
    """Say that an alert on metrics which no scenario moves may do what is promised."""
    severities = promise.about.severities
    found = rules.alerts((), severities, promise.elsewhere, promise.severity_label) if promise.elsewhere else []
    if not found:
        return None
    seen_by = some([f"{rule.group}/{rule.name}" for rule in found])
    remedy = "its metrics are of an exporter that no scenario moves: look at it by hand"
    return not_covered(f"{promise.story.is_}: that may be seen by {seen_by}", remedy)


def _unfired(rule: Rule, played: Played) -> str:
    mine = [each for each in played.fired if each.name == rule.name]
    first = min(map(_first_minutes, mine), default=math.inf)
    pending = [each.pending_minutes for each in mine if each.pending_minutes is not None]
    if math.isfinite(first):
        how = f"fires after {first:.1f} min" if first >= 0 else f"fires {-first:.1f} min before anything happens"
    elif pending:
        how = f"is pending after {min(pending):.1f} min and does not fire: its `for` is {rule.duration_seconds:g} s"
    else:
        how = "never becomes true"
    return f"{rule.group}/{rule.name} {how}: {_line(rule.query)}"


@check("rehearsal.fires", Fires)
def test_fires(promise: Fires, target: Target) -> Verdict:
    """An alert fires when it must."""
    if promise.needs_replicas:
        promised, found = target.scope.environment.replicas, len(target.app_targets())
        remedy = "put `replicas` into the environment in the contract's platform.toml"
        if promised is None:
            return not_covered("how many replicas there should be is not known", remedy)
        if found > promised:
            # Where more serve than must, one that is gone leaves enough.
            return not_covered(f"{found} replicas are scraped where there should be {promised}", remedy)
    return _judged(promise, target, judge_fires)


class Quiet(Rehearsed):
    """None of some alerts fires in a scenario."""

    about: About = About.model_validate({})
    compares_now: tuple[str, ...] = Field(
        (), description="Metrics; only alerts that look at the present value of one are meant."
    )

    def meant(self, rules: Rules) -> list[Rule]:
        """Give the alerts that must not fire; one that always does is meant to show that alerts arrive."""
        return [
            rule
            for rule in self.about.among(rules, self.severity_label)
            if (not self.compares_now or compares_now(rule.query, self.compares_now)) and not reads_nothing(rule.query)
        ]

    def needs(self, rules: Rules) -> frozenset[str]:
        """Give these alerts, and what they are made of."""
        return rules.read_by(rule.name for rule in self.meant(rules))


def judge_quiet(promise: Quiet, rehearsal: Rehearsal, excused: Callable[[Rule], str]) -> Verdict:
    """No alert fires; `excused` says why one that does is no matter of a rehearsal, and is empty where it is one."""
    played, rules = rehearsal.played[promise.scenario], rehearsal.rules
    place = _place(promise, played)
    unplayed = _no_alerts(rules) or _unplayed(promise, played)
    if unplayed is not None:
        return unplayed
    meant = promise.meant(rules)
    firing = {each.name for each in played.fired if each.first_minutes is not None}
    reasons = {id(rule): excused(rule) for rule in meant if rule.name in firing}
    wrong = [rule for rule in meant if reasons.get(id(rule)) == ""]
    notes = [f"{rule.group}/{rule.name} {reason}" for rule in meant if (reason := reasons.get(id(rule)))]
    if wrong:
        observed = some([_fired_wrongly(rule, played) for rule in wrong])
        return failed(f"no {promise.about} fires", observed, notes=notes, **place)
    unplayed = _unplayed(promise, played, rules.read_by(rule.name for rule in meant))
    if unplayed is not None:
        return unplayed
    return passed(f"none of {len(meant)} alerts fires", where=place["where"], notes=notes)


def _fired_wrongly(rule: Rule, played: Played) -> str:
    first = min(_first_minutes(each) for each in played.fired if each.name == rule.name)
    how = f"fires after {first:.1f} min" if first >= 0 else f"fires {-first:.1f} min before anything happens"
    severity = rule.labels.get("severity", "")
    return f"{rule.group}/{rule.name}{f' ({severity})' if severity else ''} {how}: {_line(rule.query)}"


@check("rehearsal.quiet", Quiet)
def test_quiet(promise: Quiet, target: Target) -> Verdict:
    """No alert fires when none must."""

    def look(kept: Quiet, rehearsal: Rehearsal) -> Verdict:
        def excused(rule: Rule) -> str:
            copied = rehearsal.rules.read_by([rule.name]) & rehearsal.stage.copied
            # Lately, not now: what was copied a moment ago may have changed.
            lately = f"count_over_time(({rule.query})[{_LATELY_SECONDS}s:1s])"
            true_lately = copied and not target.query(lately).empty
            return "was true on the target when this began, and so it is here" if true_lately else ""

        return judge_quiet(kept, rehearsal, excused)

    return _judged(promise, target, look)


# ---------------------------------------------------------------------------------------------- what ends, what sleeps


class Ends(Rehearsed):
    """Alerts that fired in a scenario are over soon after what they tell of is."""

    about: About
    compares_now: tuple[str, ...] = Field(
        (), description="Metrics; only alerts that look at the present value of one are meant."
    )
    within_minutes: float = Field(gt=0, description="Minutes after the end of the change, in production timings.")

    def meant(self, rules: Rules) -> list[Rule]:
        """Give the alerts that must end."""
        found = self.about.among(rules, self.severity_label)
        return [rule for rule in found if not self.compares_now or compares_now(rule.query, self.compares_now)]

    def needs(self, rules: Rules) -> frozenset[str]:
        """Give these alerts, and what they are made of."""
        return rules.read_by(rule.name for rule in self.meant(rules))


def judge_ends(promise: Ends, rehearsal: Rehearsal) -> Verdict:
    """What fired fires no more."""
    played, rules = rehearsal.played[promise.scenario], rehearsal.rules
    meant = {rule.name: rule for rule in promise.meant(rules)}
    unplayed = _no_alerts(rules) or _unplayed(promise, played, rules.read_by(meant))
    if unplayed is not None:
        return unplayed
    fired = [each for each in played.fired if each.name in meant and each.last_minutes is not None]
    over = promise.story.minutes
    late = [each for each in fired if (each.last_minutes or 0) > over + promise.within_minutes + _HAIR]
    if late:
        seen = [
            f"{each.name} fires {(each.last_minutes or 0) - over:.0f} min after the end (keep_firing_for "
            f"{meant[each.name].keep_firing_seconds:g} s): {_line(meant[each.name].query)}"
            for each in late
        ]
        expected = f"no {promise.about} fires {promise.within_minutes:g} min after the end"
        return failed(expected, some(seen), **_place(promise, played))
    if not fired:
        remedy = "nothing to do where alerts wait longer than this"
        return not_covered(f"no {promise.about} fires when {promise.story.is_}", remedy)
    return passed(f"{some(sorted({each.name for each in fired}))} is over in time", where=_where(promise))


@check("rehearsal.ends", Ends)
def test_ends(promise: Ends, target: Target) -> Verdict:
    """Alerts end."""
    return _judged(promise, target, judge_ends)


class Dormant(Rehearsed):
    """Every one of some alerts fires in some scenario; what others have not seen fire is tried in `tries`.

    An alert is meant if it compares with fixed limits, if the world has series for each of its selectors, and if it
    waits for half of each scenario that moves what it reads at most: what else never fires tells nothing.
    """

    about: About

    def somewhere(self, rules: Rules, stage: Stage) -> tuple[Rule, ...]:
        """Give the alerts that are meant."""
        return tuple(
            rule
            for rule in self.about.among(rules, self.severity_label)
            if has_fixed_limits(rule, rules)
            and can_be_tried(rule, rules, self, stage)
            and rule.duration_seconds * stage.time_scale <= 60 * self._shortest_minutes(rule, rules) / 2
        )

    def _shortest_minutes(self, rule: Rule, rules: Rules) -> float:
        return min((self.scenarios[name].minutes for name in tried_in(rule, rules, self)), default=0.0)

    def needs(self, rules: Rules) -> frozenset[str]:  # noqa: ARG002 - they are tried where others have not seen them fire
        """Give nothing: what others saw fire need not be tried again."""
        return frozenset()


def judge_dormant(promise: Dormant, rehearsal: Rehearsal) -> Verdict:
    """None of the alerts stays dormant whatever happens."""
    rules = rehearsal.rules
    nothing = _no_alerts(rules)
    if nothing is not None:
        return nothing
    meant = promise.somewhere(rules, rehearsal.stage)
    if not meant:
        remedy = "the alerts of this deployment are on metrics or limits that no scenario moves: look at them by hand"
        return not_covered("no alert can be tried in the scenarios", remedy)
    asleep = [rule for rule in meant if rule.name not in rehearsal.fired_somewhere]
    for rule in asleep:
        needed = rules.read_by([rule.name])
        tried = [rehearsal.again[name] for name in tried_in(rule, rules, promise) if name in rehearsal.again]
        for played in tried:
            unplayed = _unplayed(promise, played, needed)
            if unplayed is not None:
                return unplayed
    if asleep:
        where = {rule.name: ", ".join(tried_in(rule, rules, promise)) for rule in asleep}
        seen = [f"{rule.group}/{rule.name} fires in none of {where[rule.name]}: {_line(rule.query)}" for rule in asleep]
        first = rehearsal.again.get(next(iter(tried_in(asleep[0], rules, promise)), ""), Played())
        place = {"where": "the loaded rules, rehearsed in every scenario", "reproduce": _reproduce(first)}
        return failed(promise.says, some(seen), **place)
    return passed(f"{len(meant)} alerts fire in some scenario", where="the loaded rules, rehearsed in every scenario")


@check("rehearsal.dormant", Dormant)
def test_dormant(promise: Dormant, target: Target) -> Verdict:
    """No alert is dormant."""
    return _judged(promise, target, judge_dormant)


# ----------------------------------------------------------------------------------------------------------- templates


class Templates(Rehearsed):
    """The texts of alerts that fire in this scenario, or in another one that is played."""


def judge_templates(promise: Templates, rehearsal: Rehearsal) -> Verdict:
    """Every template of an alert that fired became a text."""
    wrong: dict[str, str] = {}
    names = set()
    place = {"where": "the alerts of all scenarios", "reproduce": ""}
    for played in rehearsal.played.values():
        for shown in played.shown:
            name = shown.labels.get("alertname", "")
            names.add(name)
            for part, text in (*shown.annotations.items(), *shown.labels.items()):
                bad = _BAD_TEMPLATE.search(text)
                if bad:
                    said = harmless(_TEMPLATE_ERROR.sub("", bad.group()))[:200]
                    wrong.setdefault(f"{name}'s {part}", said)
                    place["reproduce"] = place["reproduce"] or _reproduce(played)
    if wrong:
        return failed(promise.says, some([f"{what}: {said}" for what, said in wrong.items()]), **place)
    alerts = sum(rule.kind == "alerting" for rule in rehearsal.rules.every)
    nothing = _no_alerts(rehearsal.rules)
    if nothing is not None:
        return nothing
    troubles = [played for played in rehearsal.played.values() if played.trouble]
    if not names:
        why = harmless(troubles[0].trouble)[:200] if troubles else "no alert fired in any scenario"
        return inconclusive(promise.says, why, **place)
    return passed(f"the texts of {len(names)} of {alerts} alerts, those that fire somewhere", where=place["where"])


@check("rehearsal.templates", Templates)
def test_templates(promise: Templates, target: Target) -> Verdict:
    """Templates become texts."""
    return _judged(promise, target, judge_templates)


@check("rehearsal.signals", Signals)
def test_signals(promise: Signals, target: Target) -> Verdict:
    """Signals read what happens."""
    return _judged(promise, target, judge_signals)


_PLAYED: Final = "rehearsal"


def _expected(target: Target) -> list[Rehearsed]:
    return [each for each in target.expected if isinstance(each, Rehearsed)]


def begin(target: Target) -> None:
    """Let promtool play while other checks look at the platform; what keeps it from that is told by the checks."""
    promises = _expected(target)
    if promises and keeps_from_looking(promises[0], target) is None:
        with contextlib.suppress(CouldNotObserve):
            target.begin(_PLAYED, set_up(target, promises))


def _judged(promise: P, target: Target, judge: Callable[[P, Rehearsal], Verdict]) -> Verdict:
    def look() -> Rehearsal | None:
        play_all = set_up(target, _expected(target) or [promise])
        return play_all()

    rehearsal = target.once(_PLAYED, look)
    if rehearsal is None and target.scope.settings.promtool == _NO_PROMTOOL:
        return not_covered("SELF_CHECK_PROMTOOL says that rules are not rehearsed here", _INSTALL)
    if rehearsal is None:
        remedy = f"{_INSTALL}; {_NO_PROMTOOL!r} there takes rehearsals out of scope"
        return inconclusive(promise.says, "there is no promtool on this machine", where=_where(promise), remedy=remedy)
    return judge(promise, rehearsal)
