"""Plays scenarios: sets the stage with what a target has, lets promtool run its rules, and keeps what came out."""

from __future__ import annotations

import contextlib
import fnmatch
import json
import math
import re
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from selfcheck import knowledge
from selfcheck.clients.promtool import Promtool, Shown, Tested
from selfcheck.observation import CouldNotObserve
from selfcheck.owning import owned
from selfcheck.rehearsal import (
    FIRED_FIRST,
    FIRED_LAST,
    VALUES_FROM,
    Clock,
    Copy,
    Rehearsed,
    Rules,
    Stage,
    Value,
    family_of,
    moved,
    sampled_seconds,
    scenario_document,
    selectors_of,
    tried_in,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from selfcheck.clients.prometheus import Labels, QueryResult, Sample
    from selfcheck.clients.promtool import Given
    from selfcheck.target import Target

_ROUNDS_MAX: Final = 3
_COPIES_MAX: Final = 500
"""Series of one selector that are copied."""
_REPLICAS_MAX: Final = 12
"""Replicas that have series; more of them would show nothing else."""
_REFUSED: Final = re.compile(r'group "([^"\n]*)", rule (\d+), "([^"\n]*)": ([^\n]*)')
_A_MOMENT: Final = 1e9
"""Seconds since 1970 from which on a value is a moment and no duration."""
_GROWING: Final = ("_total", "_count", "_sum", "_bucket")
_SHARE_OF_TIME: Final = 0.4
"""Of the time that the run has left; the rest is for the other checks."""
_MOMENTS: Final = ("_time_seconds", "_timestamp_seconds", "_timestamp")
"""How names of gauges end that hold a moment; the time of a scenario begins at zero, and moments with it."""
_OWN_SERIES: Final = ("ALERTS", "ALERTS_FOR_STATE")


@dataclass(frozen=True, slots=True)
class Fired:
    """An alert in a scenario: when it was first and last firing (None: only pending), in minutes after the change."""

    labels: Labels
    pending_minutes: float | None
    first_minutes: float | None
    last_minutes: float | None

    @property
    def name(self) -> str:
        """The label `alertname`."""
        return self.labels.get("alertname", "")


@dataclass(frozen=True, slots=True)
class Played:
    """What came out of one scenario.

    `values` are what queries gave (or why they could not be evaluated), `shown` the alerts at the end with their
    annotations. `left_out` are rules that promtool could not run, and why; `trouble` is why nothing came out at all.
    `file` is the test file, kept for the user.
    """

    fired: tuple[Fired, ...] = ()
    values: Mapping[Value, tuple[Given, ...] | str] = field(default_factory=dict)
    shown: tuple[Shown, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """All scenarios of a run."""

    rules: Rules
    stage: Stage
    played: Mapping[str, Played]
    always: frozenset[str] = frozenset()
    """Names of alerts that fire also where nothing happens."""
    again: Mapping[str, Played] = field(default_factory=dict)
    """Scenarios in which alerts were tried that had not fired anywhere."""

    def stands_still(self, names: Iterable[str], *, but: Iterable[str] = ()) -> bool:
        """Whether the rules of these names read only what goes on as it is on the target, and no metric of the world.

        What is nowhere does not stand still. `but` names further metrics that a scenario moves.
        """
        read = self.rules.read_by(names)
        return read.isdisjoint((*self.rules.moved, *but)) and not read.isdisjoint(self.stage.copied)

    @property
    def fired_somewhere(self) -> frozenset[str]:
        """Give the names of the alerts that fired in some scenario."""
        every = (*self.played.values(), *self.again.values())
        return frozenset(each.name for one in every for each in one.fired if each.first_minutes is not None)


@dataclass(frozen=True, slots=True)
class Part:
    """What the promises about one scenario need: any of them (all say the same of the scenario), rules, and values."""

    promise: Rehearsed
    rules: frozenset[str] | None
    values: tuple[Value, ...]


def parts(promises: Iterable[Rehearsed], rules: Rules) -> dict[str, Part]:
    """Put together what is needed of each scenario."""
    found: dict[str, Part] = {}
    for promise in promises:
        needed, values = promise.needs(rules), promise.values_read
        known = found.get(promise.scenario)
        if known is None:
            found[promise.scenario] = Part(promise, needed, values)
        else:
            both = None if known.rules is None or needed is None else known.rules | needed
            found[promise.scenario] = replace(known, rules=both, values=tuple(dict.fromkeys((*known.values, *values))))
    return found


def parts_again(promises: Iterable[Rehearsed], first: Rehearsal) -> dict[str, Part]:
    """Put together where else those alerts are tried that are to fire somewhere, and did not yet."""
    found: dict[str, Part] = {}
    for promise in promises:
        for rule in promise.somewhere(first.rules, first.stage):
            if rule.name in first.fired_somewhere:
                continue
            needed = first.rules.read_by([rule.name])
            for name in tried_in(rule, first.rules, promise):
                known = found.get(name)
                before = known.rules if known is not None and known.rules is not None else frozenset[str]()
                found[name] = Part(promise.model_copy(update={"scenario": name}), before | needed, ())
    return found


def play(
    promtool: Promtool, wanted: Mapping[str, Part], rules: Rules, stage: Stage, *, seconds: float, keep: Path | None
) -> Rehearsal:
    """Run all scenarios; raises CouldNotObserve. The test files are kept in a folder, if one is given.

    A rule that promtool cannot run (it may be older than the Prometheus) is left out, and the rest goes on.
    """
    with tempfile.TemporaryDirectory(prefix="self-check-") as temporary:
        folder = Path(temporary)
        left_out: dict[str, dict[str, str]] = {name: {} for name in wanted}
        tested: dict[str, Tested] = {}
        waiting = list(wanted)
        for _ in range(_ROUNDS_MAX):
            files = [_written(folder, name, wanted[name], _without(rules, left_out[name]), stage) for name in waiting]
            results = promtool.test(files, timeout_seconds=seconds)
            tested.update(zip(waiting, results, strict=True))
            for name in waiting:
                left_out[name] |= _unusable(tested[name], left_out[name])
            waiting = [name for name in waiting if _unusable_any(tested[name])]
            if not waiting:
                break
        kept = _kept(folder, keep)
    played = {
        name: _played(part, tested[name], stage, left_out[name], kept / f"{name}.json" if kept else None)
        for name, part in wanted.items()
    }
    uneventful = [name for name, part in wanted.items() if part.promise.story.uneventful]
    always = (each.name for name in uneventful for each in played[name].fired if each.first_minutes is not None)
    return Rehearsal(rules, stage, played, frozenset(always))


def _written(folder: Path, name: str, part: Part, rules: Rules, stage: Stage) -> Path:
    rule_file, test_file = scenario_document(name, part.promise, stage, rules, part.rules, part.values)
    # JSON is YAML, and is written ten times as fast.
    (folder / f"{name}.rules.json").write_text(json.dumps(rule_file, indent=1, ensure_ascii=False), encoding="utf-8")
    path = folder / f"{name}.json"
    path.write_text(json.dumps(test_file, indent=1, ensure_ascii=False), encoding="utf-8")
    return path


def _kept(folder: Path, keep: Path | None) -> Path | None:
    """Copy the files to where the user finds them; a folder that cannot be written is no reason to see nothing."""
    if keep is None:
        return None
    with contextlib.suppress(OSError):
        shutil.rmtree(keep, ignore_errors=True)
        shutil.copytree(folder, keep)
        return keep
    return None


def _without(rules: Rules, names: Iterable[str]) -> Rules:
    left_out = frozenset(names)
    groups = tuple(
        replace(group, rules=tuple(rule for rule in group.rules if rule.name not in left_out)) for group in rules.groups
    )
    return replace(rules, groups=groups)


def _unusable(tested: Tested, known: Mapping[str, str]) -> dict[str, str]:
    found = {name: reason for _, _, name, reason in _REFUSED.findall(tested.refused)}
    return {name: reason for name, reason in {**found, **tested.rule_errors}.items() if name not in known}


def _unusable_any(tested: Tested) -> bool:
    return bool(tested.rule_errors or _REFUSED.search(tested.refused))


def _played(part: Part, tested: Tested, stage: Stage, left_out: Mapping[str, str], file: Path | None) -> Played:
    if FIRED_FIRST not in tested.values:
        return Played(left_out=left_out, trouble=tested.refused or "promtool gave no result", file=file)
    for number in (FIRED_FIRST, FIRED_LAST):
        given = tested.values.get(number, ())
        if isinstance(given, str):
            return Played(left_out=left_out, trouble=f"promtool could not tell what fired: {given}", file=file)
    clock = Clock(part.promise.story, stage.interval_seconds, stage.time_scale)
    values = {value: tested.values.get(number, ()) for number, value in enumerate(part.values, VALUES_FROM)}
    return Played(_fired(tested, clock), values, tested.alerts, left_out, "", file)


def _fired(tested: Tested, clock: Clock) -> tuple[Fired, ...]:
    times: dict[tuple[tuple[str, str], ...], dict[str, float]] = {}
    labelled: dict[tuple[tuple[str, str], ...], Labels] = {}
    for number, which in ((FIRED_FIRST, "first"), (FIRED_LAST, "last")):
        given = tested.values.get(number, ())
        for sample in given if isinstance(given, tuple) else ():
            labels = {name: value for name, value in sample.labels.items() if name != "alertstate"}
            key = tuple(sorted(labels.items()))
            labelled[key] = labels
            state = sample.labels.get("alertstate", "")
            times.setdefault(key, {})[f"{state} {which}"] = clock.minutes(sample.value)
    return tuple(
        Fired(labels, times[key].get("pending first"), times[key].get("firing first"), times[key].get("firing last"))
        for key, labels in labelled.items()
    )


# ------------------------------------------------------------------------------------------------------------ the stage


def stage_of(target: Target, rules: Rules, promises: Sequence[Rehearsed]) -> Stage:
    """Set the stage with what Prometheus has; raises CouldNotObserve."""
    own = target.app_targets()
    known = {id(each) for each in own}
    replicas = [dict(each.labels) for each in own]
    for number in range(len(replicas), target.scope.environment.replicas or 0):
        # Perfect health has all replicas; that one is not scraped is for another check to say.
        replicas.append({**(replicas[0] if replicas else {}), "instance": f"replica-{number + 1}.invalid:80"})
    world = promises[0].world
    names = frozenset(movement.metric for movement in world)
    queries = _Queries(target)
    time_scale = target.scope.environment.time_scale
    scrapes = [each.interval_seconds for each in own if math.isfinite(each.interval_seconds)]
    longest_seconds = max(each.story.whole_minutes for each in promises) * 60 / time_scale
    return Stage(
        replicas=tuple(replicas[:_REPLICAS_MAX]),
        others=(
            *replicas[_REPLICAS_MAX:],
            *(dict(each.labels) for each in target.targets() if id(each) not in known),
        ),
        bounds=queries.bounds({movement.metric for movement in world if movement.seconds}),
        words=words_of(promises[0], rules, queries.label_values(set().union(*_worded(promises[0]).values()))),
        copies=queries.copies(rules, names),
        interval_seconds=sampled_seconds(min(scrapes, default=15.0), rules, longest_seconds),
        time_scale=time_scale,
    )


def _worded(promise: Rehearsed) -> dict[str, set[tuple[str, str]]]:
    """Give the metrics and labels at which each word stands."""
    found: dict[str, set[tuple[str, str]]] = {word: set() for word in promise.words}
    for movement in promise.world:
        for label, values in movement.labels.items():
            for value in (values,) if isinstance(values, str) else values:
                if value[:1] == "{" and value[1:-1] in found:
                    found[value[1:-1]].add((movement.metric, label))
    return found


def words_of(promise: Rehearsed, rules: Rules, live: Mapping[tuple[str, str], frozenset[str]]) -> dict[str, str]:
    """Choose the label values in use here: one that the target has, else one that a rule asks for, else the usual."""
    found = {}
    for word, places in _worded(promise).items():
        asked = {
            matcher.value
            for rule in rules.every
            for selector in selectors_of(rule.query)
            for matcher in selector.matchers
            if matcher.operator in ("=", "=~") and (selector.name, matcher.label) in places
        }
        named = {part for value in asked for part in re.split(r"[^a-z_A-Z0-9:-]+", value)}
        there = frozenset[str]().union(*(live.get(place, frozenset()) for place in places))
        patterns = promise.words[word]
        chosen = (
            value
            for known in (there, named)
            for pattern in patterns
            for value in sorted(known)
            if value and fnmatch.fnmatchcase(value, pattern)
        )
        found[word] = next(chosen, patterns[0])
    return found


@dataclass(frozen=True, slots=True)
class _Queries:
    """What has to be asked of Prometheus to set the stage, a few requests at once."""

    target: Target

    def bounds(self, metrics: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Give the bounds of histograms as Prometheus has them."""
        names = sorted(metrics)
        results = self._all([f"count by (le) ({name}_bucket)" for name in names])
        found = {
            name: tuple(sample.labels["le"] for sample in result.samples if _is_number(sample.labels.get("le", "")))
            for name, result in zip(names, results, strict=True)
            if result is not None
        }
        return {name: bounds for name, bounds in found.items() if len(bounds) > 1}

    def label_values(self, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], frozenset[str]]:
        """Give the values that labels of metrics have."""
        asked = sorted(places)
        results = self._all([f"count by ({label}) ({metric})" for metric, label in asked])
        return {
            place: frozenset(sample.labels.get(place[1], "") for sample in result.samples)
            for place, result in zip(asked, results, strict=True)
            if result is not None
        }

    def copies(self, rules: Rules, known: frozenset[str]) -> tuple[Copy, ...]:
        """Copy the series that rules read and the contract does not know, with how fast they grow when they do."""
        recorded = rules.recorded
        texts = sorted(
            {
                selector.series_text
                for rule in rules.every
                for selector in selectors_of(rule.query)
                if selector.name != "up"
                and selector.name not in recorded
                and selector.name not in _OWN_SERIES
                and family_of(selector.name) not in known
                and selector.name not in known
            }
        )
        types = knowledge.types(self.target)
        growing = [text for text in texts if grows(text.partition("{")[0], types)]
        window = max(4 * self._interval(), 300 / self.target.scope.environment.time_scale)
        results = self._all(
            [f"topk({_COPIES_MAX}, {text})" for text in texts]
            # What grows all the time; a failure now and then is none in perfect health.
            + [f"min_over_time(rate({text}[{window:.0f}s])[{4 * window:.0f}s:{window:.0f}s])" for text in growing]
        )
        rates = {
            (text.partition("{")[0], _key(sample.labels)): sample.value
            for text, result in zip(growing, results[len(texts) :], strict=True)
            if result is not None
            for sample in result.samples
        }
        found = {}
        for sample in (sample for result in results[: len(texts)] if result is not None for sample in result.samples):
            name, key = sample.labels.get("__name__", ""), _key(sample.labels)
            # A selector without one name finds what is known as well, which moves already.
            if name and name not in recorded and name not in known and family_of(name) not in known and name != "up":
                found[name, key] = Copy(sample.labels, since(name, sample), _finite(rates.get((name, key))))
        return tuple(found.values())

    def _interval(self) -> float:
        return max(filter(math.isfinite, (each.interval_seconds for each in self.target.targets())), default=15.0)

    def _all(self, queries: Sequence[str]) -> list[QueryResult | None]:
        """Ask; what one query cannot give is missing from the stage, and is no reason to stop."""
        results = self.target.prometheus_client().query_all(queries)
        if queries and all(isinstance(result, CouldNotObserve) for result in results):
            trouble = results[0]
            assert isinstance(trouble, CouldNotObserve)
            raise trouble
        return [None if isinstance(result, CouldNotObserve) else result for result in results]


def since(metric: str, sample: Sample) -> float:
    """Give the value that a copied series begins with: a moment is as long ago as it is on the target."""
    return sample.value - sample.timestamp if metric.endswith(_MOMENTS) and sample.value > _A_MOMENT else sample.value


def grows(metric: str, types: Mapping[str, Collection[str]]) -> bool:
    """Tell whether a metric counts, by its name and its types: a gauge may be named as a counter is."""
    return metric.endswith(_GROWING) and "gauge" not in types.get(metric, ())


def _key(labels: Labels) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, value) for name, value in labels.items() if name != "__name__"))


def _finite(value: float | None) -> float:
    return value if value is not None and math.isfinite(value) and value > 0 else 0.0


def _is_number(text: str) -> bool:
    try:
        return not math.isnan(float(text))
    except ValueError:
        return False


def set_up(target: Target, promises: Sequence[Rehearsed]) -> Callable[[], Rehearsal | None]:
    """Look at the rules and set the stage; gives what then plays every scenario. Raises CouldNotObserve, as that does.

    What is given asks nothing of the target, and gives None without promtool.
    """
    promtool = Promtool.found(target.scope.settings.promtool, target.stopping)
    if promtool is None:
        return lambda: None
    rules = Rules(owned(target).rehearsed, moved(promises[0].world))
    stage = stage_of(target, rules, promises)
    keep = target.scope.settings.output / "rehearsal"

    def play_all() -> Rehearsal:
        first = play(promtool, parts(promises, rules), rules, stage, seconds=_seconds(target), keep=keep)
        others = parts_again(promises, first)
        if not others:
            return first
        again = play(promtool, others, rules, stage, seconds=_seconds(target), keep=keep / "again")
        return replace(first, again=again.played)

    return play_all


def _seconds(target: Target) -> float:
    return target.deadline.left_seconds * _SHARE_OF_TIME
