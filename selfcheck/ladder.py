"""Climbs from a selector to what is missing: series, metric, label, value, or only its case.

What the contract or a loaded rule promises is fine without series: a labelled counter has none before its first use.
"""

from __future__ import annotations

import difflib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from pydantic import Field

from selfcheck import knowledge
from selfcheck.contract import Promise
from selfcheck.families import OWN_LABEL, families, quantities
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.values import shown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from selfcheck.clients.prometheus import QueryResult
    from selfcheck.families import FamilyOf
    from selfcheck.promql import Matcher, Selector
    from selfcheck.target import Target

_KIND: Final = "queries.selectors"
_OF_ALERTS: Final = frozenset({"ALERTS", "ALERTS_FOR_STATE"})
_ALERT: Final = "alertname"
_MARK: Final = "selector"
_BATCH_CHARACTERS_MAX: Final = 3000
_ALIKE: Final = 0.8
"""From this likeness on, one text is taken for a misspelling of another."""
_SLIP_CHARACTERS_MAX: Final = 2
_NEAR: Final = 0.6
_WORDS: Final = re.compile(r"[a-z0-9]+")
_PLAIN: Final = re.compile(r"[\w\s/@%,=<>~#&';:-]*")


class Rung(StrEnum):
    """How far a selector gets: the last is the highest."""

    FOUND = "found"
    """It has series now."""
    NOT_NOW = "not now"
    """It has none now, which may be."""
    METRIC = "metric"
    """There is no such metric."""
    LABEL = "label"
    """The metric has no such label."""
    VALUE = "value"
    """The label has no such value."""
    CASE = "case"
    """It differs in upper and lower case alone from what there is."""


@dataclass(frozen=True, slots=True)
class Step:
    """Where a selector ends: `sentence` says what is missing, `nearest` what was meant, perhaps.

    `certain` tells that it is a mistake wherever it stands: a slip of the pen, or what the contract rules out.
    `exporter` names the exporter that is not here, where not one metric of it is. `promised`: the contract promises the
    metric, though not a series of it before its first use.
    """

    rung: Rung
    sentence: str = ""
    nearest: str = ""
    certain: bool = False
    exporter: str = ""
    promised: bool = False

    @property
    def missing(self) -> bool:
        """Whether something that the selector names does not exist."""
        return self.rung not in (Rung.FOUND, Rung.NOT_NOW)


class Selecting(Promise):
    """What loaded rules select exists, up to one rung of the ladder."""

    rungs: tuple[Rung, ...] = Field(min_length=1, description="The rungs whose lack breaks this promise.")
    lookback_seconds: float = Field(gt=0, description="What there was within this time exists.")
    come_and_go: tuple[str, ...] = Field((), description="Labels whose values may never have been there yet.")
    exporters: Mapping[str, str] = Field(
        default_factory=dict, description="Exporter by prefix of its metrics: without any of them it is not here."
    )
    synonyms: Mapping[str, tuple[tuple[str, ...], ...]] = Field(
        default_factory=dict,
        description="By label, words for the same: where one of them has been there, the others are mistakes.",
    )
    optional: tuple[str, ...] = Field((), description="Expressions for names of metrics that need not exist.")


def climb(target: Target, selectors: Iterable[Selector]) -> Mapping[str, Step | CouldNotObserve]:
    """Say of each selector, by its `series_text`, where it ends; raises CouldNotObserve.

    A selector is asked for once a run.
    """
    kept: dict[str, Step | CouldNotObserve] = target.once("steps", dict)
    wanted = {each.series_text: each for each in selectors}
    new = {text: each for text, each in wanted.items() if text not in kept}
    counts = _counts(target, list(new))
    down = []
    for text, selector in new.items():
        count = counts[text]
        if isinstance(count, CouldNotObserve):
            kept[text] = count
        elif count:
            kept[text] = Step(Rung.FOUND)
        else:
            down.append(selector)
    if down:
        known = target.once("vocabulary", lambda: _vocabulary(target))
        kept |= _descend(target, known, down)
    return {text: kept[text] for text in wanted}


# ---------------------------------------------------------------------------------------------------------- series now


def _counts(target: Target, texts: Sequence[str]) -> dict[str, float | CouldNotObserve]:
    """Count the series of many selectors, many in one query; one that cannot be asked does not spoil the others."""
    client = target.prometheus_client()
    batches = list(_batches(texts))
    found: dict[str, float | CouldNotObserve] = {}
    alone = []
    for batch, result in zip(batches, client.query_all([_marked(batch) for batch in batches]), strict=True):
        if isinstance(result, CouldNotObserve) or result.warnings:
            alone += batch
            continue
        there = {sample.labels.get(_MARK): sample.value for sample in result.samples}
        found |= {text: there.get(str(number), 0.0) for number, text in enumerate(batch)}
    for text, one in zip(alone, client.query_all([f"count({text})" for text in alone]), strict=True):
        found[text] = _one_count(one)
    return found


def _one_count(result: QueryResult | CouldNotObserve) -> float | CouldNotObserve:
    if isinstance(result, CouldNotObserve):
        return result
    if result.warnings:
        return CouldNotObserve(
            Trouble.UNEXPECTED_ANSWER,
            asked=result.asked,
            came_back=f"Prometheus warns: {result.warnings[0]}",
            hint="Look at the stores that it reads from: the answer may be incomplete",
        )
    return result.samples[0].value if result.samples else 0.0


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    length = 0
    for text in texts:
        length += len(text) + 60
        if batch and length > _BATCH_CHARACTERS_MAX:
            yield batch
            batch, length = [], len(text) + 60
        batch.append(text)
    if batch:
        yield batch


def _marked(texts: Iterable[str]) -> str:
    counts = (f'label_replace(count({text}),"{_MARK}","{number}","","")' for number, text in enumerate(texts))
    return " or ".join(counts)


# ------------------------------------------------------------------------------------------------------- what there is


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Which names there are, and what of them may be without series."""

    names: frozenset[str]
    """Everything that had a series within the lookback."""
    recorded: frozenset[str]
    promised: Mapping[str, FamilyOf]
    key_metrics: frozenset[str]
    """What the contract says that rules record."""
    typed: frozenset[str]
    """Families that are on the page of a target at this moment, with series or without."""
    rules: Selecting | None
    start: float
    end: float
    alerts: frozenset[str] = frozenset()
    """The names of all loaded alerts."""

    @property
    def lookback(self) -> str:
        """How far back it looks, in words."""
        days = (self.end - self.start) / 86400
        return f"the last {days:g} days" if days >= 1 else f"the last {days * 24:g} hours"

    def exporter_of(self, name: str) -> str:
        """Name the exporter that a metric is of, when not one metric of it is here."""
        for prefix, exporter in self.rules.exporters.items() if self.rules else ():
            if name.startswith(prefix) and not any(each.startswith(prefix) for each in self.names):
                return exporter
        return ""

    def may_be_absent(self, name: str) -> bool:
        """Whether a metric belongs to a feature that may be switched off."""
        return self.rules is not None and any(re.fullmatch(each, name) for each in self.rules.optional)


def _vocabulary(target: Target) -> Vocabulary:
    rules = next(iter(target.contract.promises(_KIND, Selecting)), None)
    end = time.time()
    start = end - (rules.lookback_seconds if rules else 3 * 86400.0)
    names = target.prometheus_client().label_values("__name__", start=start, end=end)
    return Vocabulary(
        names=frozenset(names),
        recorded=knowledge.recording_names(target),
        promised=families(target.contract),
        key_metrics=frozenset(quantities(target.contract)),
        typed=frozenset(knowledge.types(target)),
        rules=rules,
        start=start,
        end=end,
        alerts=frozenset(rule.name for rule in knowledge.loaded_rules(target) if rule.kind == "alerting"),
    )


def _descend(target: Target, known: Vocabulary, selectors: Sequence[Selector]) -> dict[str, Step | CouldNotObserve]:
    """Judge selectors without series: first what can be said without asking, then by the labels there are."""
    found: dict[str, Step | CouldNotObserve] = {}
    open_: list[Selector] = []
    for selector in selectors:
        step = name_step(known, selector)
        if step is not None:
            found[selector.series_text] = step
        else:
            open_.append(selector)
    asks = list(dict.fromkeys(ask for selector in open_ for ask in _asks(selector)))
    client = target.prometheus_client()
    answers = client.label_values_all([(label, name) for name, label in asks], start=known.start, end=known.end)
    there = dict(zip(asks, answers, strict=True))
    for selector in open_:
        trouble = next((there[ask] for ask in _asks(selector) if isinstance(there[ask], CouldNotObserve)), None)
        if isinstance(trouble, CouldNotObserve):
            found[selector.series_text] = trouble
        else:
            texts = {ask: values for ask in _asks(selector) if not isinstance(values := there[ask], CouldNotObserve)}
            found[selector.series_text] = label_step(
                known, selector, {label: values for (_, label), values in texts.items()}
            )
    return found


def _asks(selector: Selector) -> list[tuple[str, str]]:
    """Give (metric, label) for everything that must be known of a selector; the label `""` is for their names."""
    labels = dict.fromkeys(each.label for each in selector.matchers if needs_label(each))
    return [(selector.name, label) for label in ("", *labels)]


def needs_label(matcher: Matcher) -> bool:
    """Whether a matcher takes nothing where the label is missing."""
    return matcher.takes("") is False


# ------------------------------------------------------------------------------------------------------------- judging


def name_step(known: Vocabulary, selector: Selector) -> Step | None:
    """Judge the name of a metric without series; None where its labels must be looked at."""
    name = selector.name
    if not name or selector.alternatives:
        return Step(Rung.NOT_NOW, f"{_shown(selector)} has no series now")
    return _alert_step(known, selector) if name in _OF_ALERTS else _named_step(known, name)


def _named_step(known: Vocabulary, name: str) -> Step | None:
    family = known.promised.get(name)
    # A counter that is scraped in the OpenMetrics format is known without its `_total`.
    pages = {name, name.removesuffix("_total"), family.name if family else name}
    if name in known.recorded or not known.typed.isdisjoint(pages):
        return None
    if name in known.key_metrics or ":" in name:
        near, _ = nearest(name, known.recorded)
        sentence = f"no loaded rule records {name}{_hint(near)}: is its rule file loaded?"
        return Step(Rung.METRIC, sentence, near, certain=True)
    if family is not None and name in known.names and known.typed:
        near, _ = nearest(name, known.names - {name})
        return Step(Rung.METRIC, f"no target has {name} any more{_hint(near)}", near, certain=True)
    if name in known.names or (family is not None and not known.typed):
        return None
    return _no_metric(known, name)


def _no_metric(known: Vocabulary, name: str) -> Step:
    near, alike = nearest(name, known.names | known.recorded | known.promised.keys())
    if near.lower() == name.lower():
        return Step(Rung.CASE, f"there is no metric {name}, but there is {near}", near, certain=True)
    exporter = known.exporter_of(name)
    if exporter and not alike:
        return Step(Rung.METRIC, f"there is no metric {name}: {exporter} is not scraped here", exporter=exporter)
    if known.may_be_absent(name) and not alike:
        return Step(Rung.NOT_NOW, f"there is no metric {name}, which needs not be")
    certain = alike or name in known.promised
    return Step(Rung.METRIC, f"there is no metric {name}{_hint(near)}", near, certain=certain)


def label_step(known: Vocabulary, selector: Selector, there: Mapping[str, Collection[str]]) -> Step:
    """Judge the matchers of a selector whose metric exists.

    `there` has the values of each label, and under `""` the names of the labels.
    """
    family = known.promised.get(selector.name)
    names = set(there.get("", ())) - {"__name__"}
    if not there.get("") and family is None:
        return Step(Rung.NOT_NOW, f"{selector.name} had no series in {known.lookback}")
    # Which labels the scrape adds is not known before the first series.
    steps = [_label_step(selector.name, each, names, family) for each in selector.matchers if there.get("")]
    steps += [_value_step(known, selector.name, each, there.get(each.label, ())) for each in selector.matchers]
    found = next(filter(None, steps), None)
    promised = family is not None and bool(family.labels) and not family.always
    return found or Step(Rung.NOT_NOW, f"{_shown(selector)} has no series now", promised=promised)


def _label_step(name: str, matcher: Matcher, names: set[str], family: FamilyOf | None) -> Step | None:
    if family is not None:
        names = names | {*family.labels, *filter(None, [OWN_LABEL.get(family.type)])}
    if not needs_label(matcher) or matcher.label in names:
        return None
    near, alike = nearest(matcher.label, names)
    rung = Rung.CASE if near.lower() == matcher.label.lower() else Rung.LABEL
    hint = _hint(near) or f" (it has {', '.join(sorted(names)) or 'none'})"
    return Step(rung, f"{name} has no label {matcher.label}{hint}", near, certain=alike or family is not None)


def _value_step(known: Vocabulary, name: str, matcher: Matcher, values: Collection[str]) -> Step | None:
    if not needs_label(matcher) or any(matcher.takes(value) is not False for value in values):
        return None
    family = known.promised.get(name)
    allowed = family.labels.get(matcher.label) if family is not None else None
    wanted = literals(matcher)
    closed = isinstance(allowed, tuple)
    choice = {*values, *(allowed if isinstance(allowed, tuple) else ())}
    fine = closed and (not wanted or any(family.allows(matcher.label, value) for value in wanted if family))
    if fine or not choice:
        return None
    said = f"{name} had no {matcher} in {known.lookback}"
    synonym = _synonym(known, matcher.label, wanted, values) if family is not None else ""
    if synonym:
        said += f"; what it calls so is {matcher.label}={shown(synonym)}"
        return Step(Rung.VALUE, said, synonym, certain=True)
    folded = {value.lower(): value for value in choice}
    same = next((folded[value.lower()] for value in wanted if value.lower() in folded), "")
    if same:
        return Step(Rung.CASE, f"{said}, but {matcher.label}={shown(same)}", same, certain=True)
    near, alike = max((nearest(value, choice) for value in wanted), key=lambda found: found[1], default=("", False))
    coming = matcher.label in (known.rules.come_and_go if known.rules else ())
    coming |= known.may_be_absent(name) and not alike
    # Of a promised family it is known what its values mean: only a slip of the pen can be wrong there.
    if not closed and (coming if allowed is None else not alike):
        return Step(Rung.NOT_NOW, said, promised=allowed is not None)
    there = f"; there is {', '.join(map(shown, sorted(choice)[:5]))}"
    return Step(Rung.VALUE, f"{said}{_hint(near) or there}", near, certain=alike or closed)


def _alert_step(known: Vocabulary, selector: Selector) -> Step:
    """Judge a selector of alerts that has no series: which there are is known from the rules."""
    for matcher in selector.matchers if known.alerts else ():
        named = matcher.label == _ALERT and needs_label(matcher)
        if named and all(matcher.takes(name) is False for name in known.alerts):
            near, _ = nearest(matcher.value, known.alerts)
            return Step(Rung.VALUE, f"no loaded alert has {matcher}{_hint(near)}", near, certain=True)
    return Step(Rung.NOT_NOW, f"{_shown(selector)} has no series now: none of these alerts is pending or firing")


def _synonym(known: Vocabulary, label: str, wanted: Collection[str], values: Collection[str]) -> str:
    """Give the word that a label has had, where only other words for the same are wanted."""
    for group in known.rules.synonyms.get(label, ()) if known.rules else ():
        if wanted and set(wanted) <= set(group) and (had := sorted(set(group) & set(values))):
            return had[0]
    return ""


def literals(matcher: Matcher) -> tuple[str, ...]:
    """Give the values that a matcher names: one, or those of an expression that is a list of plain texts."""
    if matcher.operator == "=":
        return (matcher.value,)
    parts = matcher.value.removeprefix("(").removesuffix(")").split("|")
    if matcher.operator == "=~" and all(_PLAIN.fullmatch(part) for part in parts):
        return tuple(filter(None, parts))
    return ()


def nearest(name: str, known: Iterable[str]) -> tuple[str, bool]:
    """Give the known text that is nearest to one that does not exist, and whether it is a likely slip of the pen."""
    words = set(_WORDS.findall(name.lower()))
    best, likeness, alike = "", _NEAR, False
    for other in known:
        theirs = set(_WORDS.findall(other.lower()))
        if len(words) > 1 and not words & theirs:
            continue
        matcher = difflib.SequenceMatcher(None, name.lower(), other.lower())
        if matcher.real_quick_ratio() > likeness and matcher.quick_ratio() > likeness and matcher.ratio() > likeness:
            best, likeness = other, matcher.ratio()
            alike = likeness >= _ALIKE and _is_slip(name.lower(), other.lower(), likeness)
    return best, alike


def _is_slip(one: str, other: str, likeness: float) -> bool:
    """Whether one text is most likely a misspelling of another, and not a relative of it (`_1` and `_2`)."""
    if one != other and re.sub(r"\d+", "0", one) == re.sub(r"\d+", "0", other):
        return False
    length = len(one) + len(other)
    return round(length * (1 - likeness)) <= _SLIP_CHARACTERS_MAX or one.startswith(other) or other.startswith(one)


def _hint(near: str) -> str:
    return f"; nearest: {near}" if near else ""


def _shown(selector: Selector) -> str:
    return selector.series_text.removesuffix("{}")
