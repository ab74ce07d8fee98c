"""The queries of the loaded rules and of the manual: what they ask for exists, and they are well made."""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from selfcheck import promql
from selfcheck.alerting import recorded
from selfcheck.alike import Window, unlike
from selfcheck.answering import judge_unseen
from selfcheck.checking import check
from selfcheck.contract import Promise
from selfcheck.families import families
from selfcheck.firing import Rulebook
from selfcheck.knowledge import gather, loaded_rules, recording_names
from selfcheck.ladder import Rung, Selecting, Step, climb
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.promql import Node, Role, UnreadableError, Use, uses
from selfcheck.shapes import Finding, Lint, lint
from selfcheck.templates import lint_templates
from selfcheck.values import curl, some
from selfcheck.vanishing import Watched, silent, vanishing
from selfcheck.verdict import Verdict, failed, inconclusive, not_covered, passed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from selfcheck.clients.prometheus import QueryResult, Rule
    from selfcheck.target import Target

_ALSO_MAX = 5
_REMARKS_MAX = 3
_LOOKS = 360
_STEADY_SPANS = 4
"""What is there for so many times as long as it may be away is there all the time."""
_LATELY_SECONDS = 900
_LATELY_STEP_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Loaded:
    """A loaded rule whose expression was read: `place` names it."""

    place: str
    rule: Rule
    node: Node


@dataclass(frozen=True, slots=True)
class Reading:
    """All loaded rules: those that were read, and why others could not be."""

    rules: tuple[Loaded, ...]
    unreadable: tuple[str, ...]


def read(rules: Iterable[Rule]) -> Reading:
    """Read the expressions of rules."""
    read_, unreadable = [], []
    for rule in rules:
        place = f"{rule.group}/{rule.name}"
        try:
            read_.append(Loaded(place, rule, promql.parse(rule.query)))
        except UnreadableError as error:
            unreadable.append(f"{place}: {error}")
    return Reading(tuple(read_), tuple(unreadable))


def _reading(target: Target) -> Reading:
    return target.once("read rules", lambda: read(loaded_rules(target)))


def _rules_place(target: Target) -> dict[str, str]:
    url = f"{target.prometheus_client().url}/api/v1/rules"
    return {"where": f"GET {url}", "reproduce": curl(url)}


def _with_more(verdict: Verdict, sentences: Sequence[str]) -> Verdict:
    """Add the findings after the first as notes, some of them."""
    rest = sentences[1:]
    notes = [f"also: {sentence}" for sentence in rest[:_ALSO_MAX]]
    if len(rest) > _ALSO_MAX:
        notes.append(f"and {len(rest) - _ALSO_MAX} more of the same kind")
    return verdict.with_notes(*notes)


# ----------------------------------------------------------------------------------------------------------- selectors


@dataclass(frozen=True, slots=True)
class Asked:
    """A selector in its place in a rule, and where it ends."""

    place: str
    use: Use
    step: Step | CouldNotObserve

    @property
    def wrong(self) -> str:
        """Say what is missing, where that is a mistake: beside `or` and `unless` only what is one for sure."""
        if isinstance(self.step, CouldNotObserve) or not self.step.missing:
            return ""
        if self.use.role is Role.ABSENCE:
            return f"{self.place}: absent() of it always has a result: {self.step.sentence}"
        if self.step.exporter or (self.use.role is not Role.NEEDED and not self.step.certain):
            return ""
        return f"{self.place}: {self.step.sentence}"


def judge_selectors(
    promise: Selecting, asked: Sequence[Asked], unreadable: Sequence[str], place: Mapping[str, str]
) -> Verdict:
    """Nothing that a rule selects is missing on the promised rungs of the ladder.

    What could not be read or asked is INCONCLUSIVE, unless something is missing elsewhere.
    """
    expected = promise.says
    wrong = [
        (one, one.wrong) for one in asked if isinstance(one.step, Step) and one.step.rung in promise.rungs and one.wrong
    ]
    texts = list(dict.fromkeys(text for _, text in wrong))
    unseen = [one.step for one in asked if isinstance(one.step, CouldNotObserve)]
    unread = f"not read: {some(unreadable)}" if unreadable else ""
    if texts:
        verdict = failed(expected, texts[0], where=place["where"], reproduce=_count(place, wrong[0][0].use))
        return _with_more(verdict, texts).with_notes(*filter(None, [unread]))
    if unseen:
        return judge_unseen(expected, unseen[0])
    if unreadable and Rung.METRIC in promise.rungs:
        verdict = inconclusive(expected, f"{unreadable[0]}", remedy="ask Prometheus about it by hand", **place)
        return _with_more(verdict, unreadable)
    if not asked:
        return not_covered("no rule is loaded that reads anything", "load the rules of the platform")
    count = len({one.use.selector.series_text for one in asked})
    verdict = passed(f"{count} selectors of {len({one.place for one in asked})} rules", where=place["where"])
    return verdict.with_notes(*_exporters(promise, asked), *filter(None, [unread]))


def _exporters(promise: Selecting, asked: Sequence[Asked]) -> list[str]:
    if Rung.METRIC not in promise.rungs:
        return []
    needed = [one.step for one in asked if one.use.role is Role.NEEDED and isinstance(one.step, Step)]
    sentences = {step.sentence for step in needed if step.exporter}
    return [f"not covered: {sentence}" for sentence in sorted(sentences)[:_REMARKS_MAX]]


def _count(place: Mapping[str, str], use: Use) -> str:
    base = place["where"].removeprefix("GET ").removesuffix("/rules")
    return f"curl -sSG '{base}/query' --data-urlencode {_quoted(f'query=count({use.selector.series_text})')}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


@check("queries.selectors", Selecting)
def test_selectors(promise: Selecting, target: Target) -> Verdict:
    """Every selector of every loaded rule gets as far as promised."""
    reading = _reading(target)
    return judge_selectors(promise, _asked(target, reading), reading.unreadable, _rules_place(target))


def _asked(target: Target, reading: Reading) -> list[Asked]:
    found = [(loaded.place, use) for loaded in reading.rules for use in uses(loaded.node)]
    steps = climb(target, (use.selector for _, use in found))
    return [Asked(place, use, steps[use.selector.series_text]) for place, use in found]


class Lasting(Promise):
    """What alerts read of other programs still comes, as long as these answer."""

    lookback_seconds: float = Field(gt=0, description="How far back to look; production timings.")
    gone_seconds: float = Field(gt=0, description="What has not come for so long is gone; production timings.")
    steady_share: float = Field(gt=0, le=1, description="Of the scrapes of a target: what came less often may be away.")
    optional: tuple[str, ...] = Field((), description="Expressions for names of metrics that come and go.")


@dataclass(frozen=True, slots=True)
class Seen:
    """A metric of one target: when it was first and last there (Unix seconds), in how many of the looks between."""

    target: str
    first_at: float
    last_at: float
    looks: float
    up: bool


def judge_lasting(
    promise: Lasting,
    seen: Mapping[str, Sequence[Seen] | CouldNotObserve],
    now: float,
    *,
    scale: float,
    step_seconds: float,
    place: Mapping[str, str],
) -> Verdict:
    """No metric that came with each scrape of a target has come from none of them for a while, though one answers."""
    gone_seconds = promise.gone_seconds / scale
    wrong = []
    for name, each in seen.items():
        if isinstance(each, CouldNotObserve):
            return judge_unseen(promise.says, each)
        steady = [one for one in each if _was_steady(promise, one, gone_seconds, step_seconds)]
        if not steady or any(now - one.last_at < gone_seconds for one in each) or not any(one.up for one in steady):
            continue
        ago = now - max(one.last_at for one in each)
        wrong.append(f"{name} came with each scrape of {steady[0].target}, which answers, and has not for {ago:.0f} s")
    if wrong:
        return _with_more(failed(promise.says, wrong[0], **place), wrong)
    return passed(f"{len(seen)} metrics without series now, none of which came all the time", where=place["where"])


def _was_steady(promise: Lasting, one: Seen, gone_seconds: float, step_seconds: float) -> bool:
    span = one.last_at - one.first_at
    return span >= _STEADY_SPANS * gone_seconds and one.looks * step_seconds >= promise.steady_share * span


@check("queries.lasting", Lasting)
def test_lasting(promise: Lasting, target: Target) -> Verdict:
    """An alert does not fall silent because what it reads has stopped coming."""
    reading = _reading(target)
    alerts = Reading(tuple(one for one in reading.rules if one.rule.kind == "alerting"), ())
    own = families(target.contract).keys() | recording_names(target)
    names = {
        one.use.selector.name
        for one in _asked(target, alerts)
        if isinstance(one.step, Step) and one.step.rung is Rung.NOT_NOW and one.use.role is Role.NEEDED
    }
    wanted = sorted(name for name in names - own if name and not any(re.fullmatch(e, name) for e in promise.optional))
    scale, now = target.scope.environment.time_scale, time.time()
    lookback = promise.lookback_seconds / scale
    step = max(1.0, round(lookback / _LOOKS))
    seen = _seen(target, wanted, lookback, step, promise.gone_seconds / scale)
    return judge_lasting(promise, seen, now, scale=scale, step_seconds=step, place=_rules_place(target))


def _seen(
    target: Target, names: Sequence[str], lookback_seconds: float, step_seconds: float, gone_seconds: float
) -> dict[str, Sequence[Seen] | CouldNotObserve]:
    """Ask when each metric was there, by target; of a name that has series still, nothing."""
    span = f"[{lookback_seconds:.0f}s:{step_seconds:.0f}s]"
    client = target.prometheus_client()
    questions = ("min_over_time(timestamp({0}){1})", "max_over_time(timestamp({0}){1})", "count_over_time({0}{1})")
    asked = [
        f"{'min' if number == 0 else 'max'} by (job, instance) ({question.format(name, span)})"
        for name in names
        for number, question in enumerate(questions)
    ]
    here = [f"count({name})" for name in names]
    up = f"min_over_time(up[{max(1.0, gone_seconds):.0f}s]) == 1"
    answers = client.query_all([*asked, *here, up]) if names else []
    found: dict[str, Sequence[Seen] | CouldNotObserve] = {}
    for number, name in enumerate(names):
        mine = [*answers[3 * number : 3 * number + 3], answers[len(asked) + number], answers[-1]]
        results = [each for each in mine if not isinstance(each, CouldNotObserve)]
        if len(results) < len(mine):
            found[name] = next(each for each in mine if isinstance(each, CouldNotObserve))
        elif results[3].empty:
            first, last, looks, ups = (_by_target(results[each]) for each in (0, 1, 2, 4))
            found[name] = [Seen(key, first[key], last[key], looks[key], key in ups) for key in first]
    return found


def _by_target(result: QueryResult) -> dict[str, float]:
    return {
        f"{sample.labels.get('job', '')} ({sample.labels.get('instance', '')})": sample.value
        for sample in result.samples
    }


# ----------------------------------------------------------------------------------------------------- joins and shapes


class WellMade(Promise):
    """One thing that is never wrong with the shape of a loaded rule."""

    lint: Lint


def judge_findings(
    promise: Promise,
    ours: Sequence[tuple[str, Finding]],
    reading: Reading,
    place: Mapping[str, str],
) -> Verdict:
    """No rule has a finding; what is not sure is a remark."""
    sure = [f"{where}: {found}" for where, found in ours if found.sure]
    remarks = [f"{where}: {found}" for where, found in ours if not found.sure]
    notes = [f"remark: {remark}" for remark in remarks[:_REMARKS_MAX]]
    if len(remarks) > _REMARKS_MAX:
        notes.append(f"and {len(remarks) - _REMARKS_MAX} more remarks")
    if reading.unreadable:
        notes.append(f"not read: {some(reading.unreadable)}")
    if sure:
        return _with_more(failed(promise.says, sure[0], **place), sure).with_notes(*notes)
    if not reading.rules:
        return not_covered("no rule is loaded that could be read", "load the rules of the platform")
    return passed(f"{len(reading.rules)} rules", where=place["where"], notes=notes)


@check("queries.well_made", WellMade)
def test_well_made(promise: WellMade, target: Target) -> Verdict:
    """No loaded rule is made wrongly in this way."""
    reading = _reading(target)
    findings = target.once("lints of rules", lambda: _findings(target, reading))
    ours = [(where, found) for where, found in findings if found.lint is promise.lint]
    return judge_findings(promise, ours, reading, _rules_place(target))


def _findings(target: Target, reading: Reading) -> list[tuple[str, Finding]]:
    known = gather(target, (loaded.node for loaded in reading.rules))
    found: dict[tuple[str, Finding], None] = {}
    for loaded in reading.rules:
        ours = lint(loaded.node, known)
        if loaded.rule.kind == "alerting":
            ours += lint_templates(loaded.node, loaded.rule.labels, loaded.rule.annotations, known)
        found |= dict.fromkeys((loaded.place, finding) for finding in ours)
    windows = [
        Window(loaded.place, loaded.rule.name, loaded.rule.labels, loaded.node)
        for loaded in reading.rules
        if loaded.rule.kind == "recording"
    ]
    return [*found, *unlike(windows, Rulebook(recorded(target.rule_groups())))]


class Vanishing(Promise):
    """Targets that are gone are noticed, or with `down` those that are there and do not answer."""

    down: bool = False
    noticed_by: tuple[str, ...] = Field((), description="Expressions for names of metrics that tell of missing ones.")


@check("queries.vanishing", Vanishing)
def test_vanishing(promise: Vanishing, target: Target) -> Verdict:
    """Some rule notices a target that is gone, where others take it for granted that it is there, and the other way."""
    reading = _reading(target)
    alerts = {loaded.place: loaded.node for loaded in reading.rules if loaded.rule.kind == "alerting"}
    made = [loaded.node for loaded in reading.rules if loaded.rule.kind != "alerting"]
    known = gather(target, alerts.values())
    found = (
        silent(alerts, made, _watched(target), known)
        if promise.down
        else vanishing(alerts, made, _watched(target), known, promise.noticed_by)
    )
    findings = list(dict.fromkeys(found))
    return judge_findings(promise, findings, reading, _rules_place(target))


def _watched(target: Target) -> list[Watched]:
    """Say how each job finds its targets; without its configuration they are taken to stand in a list."""
    jobs = {found.job for found in target.targets()}
    try:
        discovered = discovering(target.once("configuration", target.prometheus_client().config))
    except CouldNotObserve:
        discovered = frozenset()
    return [Watched(job, job not in discovered) for job in sorted(jobs)]


def discovering(configuration: str) -> frozenset[str]:
    """Give the jobs of a configuration of Prometheus that find their targets by discovery."""
    import yaml  # noqa: PLC0415 - only a run that looks at rules pays for it

    try:
        document = yaml.safe_load(configuration)
    except yaml.YAMLError:
        return frozenset()
    jobs = document.get("scrape_configs") if isinstance(document, dict) else None
    return frozenset(
        str(job.get("job_name", "")) for job in jobs or () if any(str(key).endswith("_sd_configs") for key in job)
    )


# ----------------------------------------------------------------------------------------------------- manual's queries


class Snippet(Promise):
    """A query that people are told to ask works."""

    query: str


def judge_snippet(
    promise: Snippet,
    asked: Sequence[Asked],
    findings: Sequence[Finding],
    result: QueryResult | CouldNotObserve,
    place: Mapping[str, str],
    *,
    lately: bool = False,
) -> Verdict:
    """Everything it asks for exists, it is well made, and it has a result unless nothing has happened yet.

    `lately`: it had one a moment ago; whether there must be one now is for the promises about what it reads.
    """
    expected = f"{promise.query} has a result"
    steps = [one.step for one in asked]
    missing = next((step for step in steps if isinstance(step, Step) and step.missing), None)
    if missing is not None:
        return _lacking(expected, missing, place)
    wrong = [str(found) for found in findings if found.sure]
    if wrong:
        return _with_more(failed(expected, wrong[0], **place), wrong)
    trouble = next((each for each in (result, *steps) if isinstance(each, CouldNotObserve)), None)
    if trouble is not None:
        return _troubled(expected, trouble, place)
    assert not isinstance(result, CouldNotObserve)
    if lately and not result.samples and not result.warnings:
        return passed(f"no result now, and one within the last {_LATELY_SECONDS} s", where=place["where"])
    verdict = _judge_result(expected, result, [step for step in steps if isinstance(step, Step)], place)
    return verdict.with_notes(*[f"remark: {found}" for found in findings if not found.sure][:_REMARKS_MAX])


def _judge_result(expected: str, result: QueryResult, steps: Sequence[Step], place: Mapping[str, str]) -> Verdict:
    if result.warnings:
        return inconclusive(expected, f"Prometheus warns: {result.warnings[0]}", **place)
    if result.samples:
        return passed(f"{len(result.samples)} series", where=place["where"])
    unborn = [step for step in steps if step.rung is Rung.NOT_NOW]
    if unborn and all(step.promised for step in unborn):
        return passed("no result, because nothing of the kind has happened yet", where=place["where"])
    sentence = unborn[0].sentence if unborn else "what it reads has series"
    return inconclusive(expected, f"it has none now: {sentence}", **place)


def _troubled(expected: str, trouble: CouldNotObserve, place: Mapping[str, str]) -> Verdict:
    """Prometheus' own word that a query cannot be evaluated is a finding; no answer is none."""
    if trouble.trouble is Trouble.ERROR_ANSWER and "timeout" not in trouble.came_back:
        return failed(expected, trouble.came_back, **place)
    return judge_unseen(expected, trouble)


def _lacking(expected: str, step: Step, place: Mapping[str, str]) -> Verdict:
    if step.exporter:
        return not_covered(step.sentence, f"let Prometheus scrape {step.exporter}")
    if step.rung is Rung.VALUE and not step.certain:
        return not_covered(step.sentence, "put the deployment's own value into the contract's queries.toml")
    return failed(expected, step.sentence, **place)


@check("queries.snippet", Snippet)
def test_snippet(promise: Snippet, target: Target) -> Verdict:
    """The query can be read and asked, and its selectors and shape are right."""
    place = _query_place(target, promise.query)
    try:
        node = promql.parse(promise.query)
    except UnreadableError as error:
        return inconclusive(promise.says, f"{promise.query}: {error}", **place)
    found = uses(node)
    steps = climb(target, (use.selector for use in found))
    asked = [Asked(promise.id, use, steps[use.selector.series_text]) for use in found]
    result = target.once(
        "manual's queries",
        lambda: _results(target, [each.query for each in target.contract.promises("queries.snippet", Snippet)]),
    )[promise.query]
    lately = not isinstance(result, CouldNotObserve) and not result.samples and _had_a_result(target, promise.query)
    return judge_snippet(promise, asked, lint(node, gather(target, [node])), result, place, lately=lately)


def _had_a_result(target: Target, query: str) -> bool:
    with contextlib.suppress(CouldNotObserve):
        return not target.query(f"last_over_time(({query})[{_LATELY_SECONDS}s:{_LATELY_STEP_SECONDS}s])").empty
    return False


def _results(target: Target, queries: Sequence[str]) -> dict[str, QueryResult | CouldNotObserve]:
    return dict(zip(queries, target.prometheus_client().query_all(queries), strict=True))


def _query_place(target: Target, query: str) -> dict[str, str]:
    url = f"{target.prometheus_client().url}/api/v1/query"
    return {
        "where": f"GET {url}?query={query}",
        "reproduce": f"curl -sSG '{url}' --data-urlencode {_quoted(f'query={query}')}",
    }
