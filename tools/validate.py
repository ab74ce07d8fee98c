"""What can be checked before a deployment, without a target: `make prom-validate` and `make metrics-validate`.

`rules`: rule files are taken by promtool, their expressions and texts have no known fault (the gate's lints), they
select what the contract promises (no misspelt metric or label, no value that there is not), each alert says how urgent
it is, whose it is and what to do, none is there twice, and they make of every scenario what the contract says (the
gate's rehearsal). `prometheus.yml` and `alertmanager.yml` among the given files or folders are checked by promtool and
amtool, and where the alerts of the rule files would go is judged as the gate does. Without files, the lab's own are
checked.

`metrics`: the contract's table of metrics keeps to the usual conventions; a metrics page, given as a file or as a URL,
is what the table promises.

Exit code 0: nothing is wrong; 1: something is; 4: what was given cannot be used; 10: nothing is wrong, and something
could not be looked at.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from checks import test_alerts, test_routing
from checks.test_metrics import judge_family
from checks.test_rehearsal import (
    Fires,
    Quiet,
    Signals,
    Templates,
    judge_fires,
    judge_quiet,
    judge_signals,
    judge_templates,
)
from lab.configuration import ALERTMANAGER, PROMETHEUS, rendered
from lab.ports import Ports
from lab.scaling import Scale
from selfcheck import VERSION, contract, ladder, promql, routing, settings
from selfcheck.alerting import alerting
from selfcheck.clients._reading import duration_seconds
from selfcheck.clients.http import Http
from selfcheck.clients.prometheus import Rule, RuleGroup
from selfcheck.clients.promtool import Promtool, outputs_of
from selfcheck.exposition import parse as parse_page
from selfcheck.families import FamilyOf, families, quantities
from selfcheck.knowledge import Knowledge, Recorded
from selfcheck.observation import CouldNotObserve
from selfcheck.rehearsal import Rehearsed, Rules, Stage, moved, selectors_of
from selfcheck.rehearsing import Rehearsal, parts, play, words_of
from selfcheck.run import EXIT_FAILED, EXIT_INCONCLUSIVE, EXIT_PASS
from selfcheck.secrets import Secrets
from selfcheck.shapes import lint
from selfcheck.templates import lint_templates
from selfcheck.values import harmless, shown, some
from selfcheck.verdict import Outcome, Verdict, not_covered
from selfcheck.waiting import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from selfcheck.contract import Contract, Promise
    from selfcheck.promql import Selector
    from selfcheck.routing import Sent

_EXIT_UNUSABLE: Final = 4
_SECONDS_MAX: Final = 600.0
_INTERVAL_SECONDS: Final = 60.0
"""How often Prometheus evaluates a group that does not say."""
_REPLICAS: Final = 3
_UNBOUNDED: Final = "x" * 1000
_BASE_UNITS: Final = {
    "milliseconds": "seconds",
    "ms": "seconds",
    "microseconds": "seconds",
    "minutes": "seconds",
    "hours": "seconds",
    "kilobytes": "bytes",
    "kb": "bytes",
    "megabytes": "bytes",
    "mb": "bytes",
    "percent": "ratio",
}
_RESERVED: Final = frozenset({"le", "quantile", "job", "instance"})


class UnusableError(Exception):
    """What was given cannot be used; the text says what and why."""


@dataclass(slots=True)
class Report:
    """What was found, printed line by line as it is found."""

    write: Callable[[str], None]
    outcomes: list[Outcome] = field(default_factory=list)

    def say(self, outcome: Outcome, what: str, sentence: str, more: Sequence[str] = ()) -> None:
        """Print one finding, with further lines below it."""
        self.outcomes.append(outcome)
        self.write(f"{outcome.value:<12} {what}: {harmless(sentence)}")
        for line in more:
            self.write(f"{'':<12} {harmless(line)}")

    def verdict(self, id_: str, says: str, verdict: Verdict) -> None:
        """Print a verdict on a promise."""
        if verdict.outcome is Outcome.PASS:
            self.say(verdict.outcome, id_, verdict.observed, [f"note: {note}" for note in verdict.notes[:3]])
            return
        more = [f"expected: {verdict.expected}"] if verdict.expected else []
        more += [f"observed: {verdict.observed}"]
        more += [f"reproduce: {verdict.reproduce}"] if verdict.reproduce else []
        more += [f"what to do: {verdict.remedy}"] if verdict.remedy else []
        self.say(verdict.outcome, id_, says, [*more, *(f"note: {note}" for note in verdict.notes[:3])])

    @property
    def exit_code(self) -> int:
        """The code that follows."""
        if Outcome.FAIL in self.outcomes:
            return EXIT_FAILED
        looked = Outcome.PASS in self.outcomes
        return EXIT_INCONCLUSIVE if Outcome.INCONCLUSIVE in self.outcomes or not looked else EXIT_PASS


# ---------------------------------------------------------------------------------------------------------------- rules


@dataclass(frozen=True, slots=True)
class Files:
    """The files to check, by what they are."""

    rules: tuple[Path, ...]
    prometheus: tuple[Path, ...] = ()
    alertmanager: tuple[Path, ...] = ()


def sorted_out(paths: Iterable[Path]) -> Files:
    """Tell files by what is in them; folders stand for the YAML files in them. Raises UnusableError."""
    found: dict[str, list[Path]] = {"rules": [], "prometheus": [], "alertmanager": []}
    for path in paths:
        if not path.exists():
            message = f"{path}: there is no such file or folder"
            raise UnusableError(message)
        every = sorted({*path.rglob("*.yml"), *path.rglob("*.yaml")}) if path.is_dir() else [path]
        for file in every:
            kind = _kind(file)
            if kind:
                found[kind].append(file)
            elif file == path:
                message = f"{path}: is neither a rule file nor a configuration of Prometheus or Alertmanager"
                raise UnusableError(message)
    if not any(found.values()):
        message = f"{', '.join(map(str, paths))}: there is no rule file and no configuration in there"
        raise UnusableError(message)
    return Files(*(tuple(dict.fromkeys(found[kind])) for kind in ("rules", "prometheus", "alertmanager")))


def _kind(path: Path) -> str:
    document = _document(path)
    if not isinstance(document, dict):
        return ""
    if "groups" in document:
        return "rules"
    if "receivers" in document or "route" in document:
        return "alertmanager"
    return "prometheus" if {"scrape_configs", "rule_files", "alerting"} & document.keys() else ""


def _document(path: Path) -> Any:
    try:
        # The one in C, where this build of PyYAML has it.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - one of the two safe loaders
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: cannot be read: {error}"
        raise UnusableError(message) from error
    except yaml.YAMLError as error:
        message = f"{path}: is not YAML: {' '.join(str(error).split())}"
        raise UnusableError(message) from error


def groups_of(path: Path) -> tuple[RuleGroup, ...]:
    """Read the rule groups of a file as Prometheus would load them; raises UnusableError."""
    document = _document(path)
    try:
        return tuple(_group(group, path) for group in document["groups"] or ())
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"{path}: is no rule file: {type(error).__name__}: {error}"
        raise UnusableError(message) from error


def _group(group: dict[str, Any], path: Path) -> RuleGroup:
    interval = duration_seconds(group["interval"]) if group.get("interval") else _INTERVAL_SECONDS
    rules = tuple(_rule(rule, str(group["name"]), path, interval) for rule in group.get("rules") or ())
    return RuleGroup(str(group["name"]), str(path), interval, 0.0, 0.0, rules)


def _rule(rule: dict[str, Any], group: str, path: Path, interval_seconds: float) -> Rule:
    return Rule(
        name=str(rule.get("alert") or rule["record"]),
        kind="alerting" if rule.get("alert") else "recording",
        query=str(rule["expr"]),
        labels=_texts(rule.get("labels")),
        annotations=_texts(rule.get("annotations")),
        duration_seconds=duration_seconds(str(rule["for"])) if rule.get("for") else 0.0,
        health="unknown",
        last_error="",
        last_evaluation_at=0.0,
        evaluation_seconds=0.0,
        state="",
        alerts=(),
        group=group,
        file=str(path),
        interval_seconds=interval_seconds,
        keep_firing_seconds=duration_seconds(str(rule["keep_firing_for"])) if rule.get("keep_firing_for") else 0.0,
    )


def _texts(found: dict[Any, Any] | None) -> dict[str, str]:
    return {str(name): str(value) for name, value in (found or {}).items()}


def validate_rules(files: Files, kept: Contract, job: str, promtool: Promtool | None, report: Report) -> None:
    """Check everything that can be said of files."""
    ends_at = time.monotonic() + _SECONDS_MAX
    if promtool is None:
        advice = "install it (Debian: apt-get install prometheus), or name it with SELF_CHECK_PROMTOOL"
        report.say(Outcome.INCONCLUSIVE, "promtool", f"is not on this machine: {advice}")
    else:
        for what, paths in (("rules", files.rules), ("config", files.prometheus)):
            for path in paths:
                fine, said = promtool.check(what, [path], timeout_seconds=ends_at - time.monotonic())
                report.say(
                    Outcome.PASS if fine else Outcome.FAIL, f"promtool check {what} {path}", _last_line(said, fine)
                )
    _check_alertmanager(files.alertmanager, ends_at, report)
    rules = Rules(tuple(group for path in files.rules for group in groups_of(path)))
    own = _own_configuration(files.prometheus)
    ours = test_routing.own_files(rules.groups, {*families(kept), *quantities(kept), job})
    _route(files.alertmanager, test_routing.alerts_of(rules.groups, own or {}, own=ours).own, kept, report)
    if not files.rules:
        return
    _lint(rules, kept, report)
    _select(rules, kept, report)
    _say_what_alerts_lack(rules, own, kept, report)
    if promtool is not None:
        _rehearse(rules, kept, job, promtool, ends_at - time.monotonic(), report)


def _last_line(said: str, fine: bool) -> str:  # noqa: FBT001 - what the exit code was
    lines = [line.strip() for line in said.splitlines() if line.strip(" :") and not line.startswith("Checking")]
    lines = [line for line in lines if line != "FAILED:"]
    return (lines[-1] if fine else "; ".join(lines)) if lines else "nothing said"


def _check_alertmanager(paths: Sequence[Path], ends_at: float, report: Report) -> None:
    if not paths:
        return
    amtool = shutil.which("amtool")
    if amtool is None:
        report.say(
            Outcome.INCONCLUSIVE, "amtool", "is not on this machine (Debian: apt-get install prometheus-alertmanager)"
        )
        return
    for path in paths:
        [(code, said)] = outputs_of([[amtool, "check-config", str(path)]], ends_at - time.monotonic())
        outcome = Outcome.FAIL if code else Outcome.PASS
        report.say(outcome, f"amtool check-config {path}", _last_line(said, code == 0))


def _lint(rules: Rules, kept: Contract, report: Report) -> None:
    knowledge = _knowledge(rules, kept)
    wrong = 0
    for rule in rules.every:
        try:
            expression = promql.parse(rule.query)
        except promql.UnreadableError as error:
            report.say(Outcome.INCONCLUSIVE, f"{rule.group}/{rule.name}", f"cannot be read: {error}", [rule.query])
            continue
        found = lint(expression, knowledge)
        if rule.kind == "alerting":
            found += lint_templates(expression, rule.labels, rule.annotations, knowledge)
        for finding in (finding for finding in found if finding.sure):
            wrong += 1
            report.say(Outcome.FAIL, f"{rule.group}/{rule.name}", f"{finding.lint}: {finding}", [rule.query])
    if not wrong:
        report.say(Outcome.PASS, "lints", f"nothing found in {sum(1 for _ in rules.every)} rules")


def _knowledge(rules: Rules, kept: Contract) -> Knowledge:
    recorded: dict[str, tuple[Recorded, ...]] = {}
    unread = set()
    for rule in (rule for rule in rules.every if rule.kind == "recording"):
        try:
            expression = promql.parse(rule.query)
        except promql.UnreadableError:
            unread.add(rule.name)
            continue
        one = Recorded(f"{rule.group}/{rule.name}", expression, rule.labels, rule.interval_seconds)
        recorded[rule.name] = (*recorded.get(rule.name, ()), one)
    known = {name: found for name, found in recorded.items() if name not in unread}
    return Knowledge(families(kept), quantities(kept), known, frozenset(unread))


def _select(rules: Rules, kept: Contract, report: Report) -> None:
    """Say of each selector what in it is not as the contract has it; what only a target knows is not judged."""
    promised = families(kept)
    recorded = rules.recorded
    key_metrics = frozenset(quantities(kept))
    # One file of several may have the alerts, and another one what they read.
    complete = {rule.kind for rule in rules.every} == {"alerting", "recording"}
    wrong = dict[str, None]()
    for rule in rules.every:
        for selector in selectors_of(rule.query):
            trouble = misselected(selector, promised, recorded | (frozenset[str]() if complete else key_metrics))
            if not trouble and complete and selector.name in key_metrics - recorded - promised.keys():
                near, _ = ladder.nearest(selector.name, recorded)
                trouble = f"no rule records {selector.name}{f'; nearest: {near}' if near else ''}"
            if trouble:
                wrong[f"{rule.group}/{rule.name}: {trouble}"] = None
    for each in wrong:
        report.say(Outcome.FAIL, "selectors", each)
    if not wrong:
        report.say(Outcome.PASS, "selectors", f"nothing found against {len(promised)} promised metrics")


def misselected(selector: Selector, promised: Mapping[str, FamilyOf], recorded: Collection[str]) -> str:
    """Say what a selector names that the contract has otherwise; empty where it has not, or has nothing of it."""
    name = selector.name
    if not name or selector.alternatives or name in recorded:
        return ""
    family = promised.get(name)
    if family is None:
        near, alike = ladder.nearest(name, {*promised, *recorded})
        return f"there is no metric {name}; nearest: {near}" if alike else ""
    for matcher in filter(ladder.needs_label, selector.matchers):
        allowed = family.labels.get(matcher.label)
        if allowed is None:
            near, alike = ladder.nearest(matcher.label, family.labels)
            if alike:  # any other may be one that scraping adds
                return f"{name} has no label {matcher.label}; nearest: {near}"
        elif (wanted := ladder.literals(matcher)) and not any(family.allows(matcher.label, each) for each in wanted):
            there = f"; there is {some(list(map(shown, allowed)))}" if isinstance(allowed, tuple) else ""
            return f"{name} has no {matcher}{there}"
    return ""


def _own_configuration(paths: Sequence[Path]) -> dict[str, Any] | None:
    """Give Prometheus' configuration, where there is just one among the files."""
    documents = [document for path in paths if isinstance(document := _document(path), dict)]
    return documents[0] if len(documents) == 1 else None


def _say_what_alerts_lack(rules: Rules, own: dict[str, Any] | None, kept: Contract, report: Report) -> None:
    """Judge what the gate judges of alerts, as far as the files tell it."""
    alerts = alerting(rules.groups)
    place = {"where": some(sorted({group.file for group in rules.groups}))}
    if not alerts:
        return
    added = set((own or {}).get("global", {}).get("external_labels") or ())
    for labels in kept.promises("alerts.labelled", test_alerts.Labelled):
        verdict = test_alerts.judge_labelled(labels, alerts, added if labels.added else (), place=place)
        if labels.added and own is None and verdict.outcome is Outcome.FAIL:
            remark = f"{verdict.observed}, and Prometheus may add one"
            verdict = not_covered(remark, "give its configuration together with the rule files")
        report.verdict(labels.id, labels.says, verdict)
    for said in kept.promises("alerts.annotated", test_alerts.Annotated):
        report.verdict(said.id, said.says, test_alerts.judge_annotated(said, alerts, place=place))
    for linked in kept.promises("alerts.linked", test_alerts.Linked):
        verdict = test_alerts.judge_linked(linked, alerts, test_alerts.offline(linked, kept, alerts), place=place)
        report.verdict(linked.id, linked.says, verdict)
    for once in kept.promises("alerts.unique", test_alerts.Unique):
        report.verdict(once.id, once.says, test_alerts.judge_unique(once, rules.groups, place=place))


def _route(paths: Sequence[Path], alerts: Sequence[Sent], kept: Contract, report: Report) -> None:
    """Judge what the gate judges of routes: where alerts would go."""
    for path in paths:
        place = {"where": str(path)}
        try:
            plan = routing.read(path.read_text(encoding="utf-8"))
        except routing.UnreadableConfigurationError as error:
            report.say(Outcome.INCONCLUSIVE, str(path), f"cannot be read: {error}")
            continue
        for promise, verdict in _routed(plan, alerts, kept, place):
            report.verdict(promise.id, promise.says, verdict)


def _routed(
    plan: routing.Routing, alerts: Sequence[Sent], kept: Contract, place: Mapping[str, str]
) -> Iterator[tuple[Promise, Verdict]]:
    promised = tuple(kept.promises("routing.receivers", test_routing.Receivers))
    for line in promised:
        yield line, test_routing.judge_receivers(line, plan, alerts, place)
    for reachable in kept.promises("routing.reachable", test_routing.Levels):
        yield reachable, test_routing.judge_reachable(reachable, plan, place)
    for open_ in kept.promises("routing.open", test_routing.Open):
        yield open_, test_routing.judge_open(open_, plan, alerts, place, promised)
    for times in kept.promises("routing.times", test_routing.Times):
        yield times, test_routing.judge_times(times, plan, alerts, 1.0, place, promised)
    for ended in kept.promises("routing.ended", test_routing.Ended):
        yield ended, test_routing.judge_ended(ended, plan, alerts, promised, place)
    for grouped in kept.promises("routing.grouped", test_routing.Grouped):
        yield grouped, test_routing.judge_grouped(grouped, plan, alerts, place, promised)
    if not alerts:
        return
    for inhibitions in kept.promises("routing.inhibitions", test_routing.Inhibitions):
        yield inhibitions, test_routing.judge_inhibitions(inhibitions, plan, alerts, place)
    for harmless_ in kept.promises("routing.harmless", test_routing.Harmless):
        yield harmless_, test_routing.judge_harmless(harmless_, plan, alerts, place)


def _rehearse(rules: Rules, kept: Contract, job: str, promtool: Promtool, seconds: float, report: Report) -> None:
    # One file of several may have the alerts, and another one what they read.
    complete = {rule.kind for rule in rules.every} == {"alerting", "recording"}
    judges: dict[str, tuple[type[Rehearsed], Callable[..., Verdict]]] = {
        "rehearsal.signals": (Signals, judge_signals),
        "rehearsal.fires": (Fires, judge_fires if complete else _not_told),
        "rehearsal.quiet": (Quiet, lambda promise, played: judge_quiet(promise, played, _unmoved(promise, played))),
        "rehearsal.templates": (Templates, judge_templates),
    }
    promises = [(judge, each) for name, (model, judge) in judges.items() for each in kept.promises(name, model)]
    if not promises:
        return
    every = [promise for _, promise in promises]
    rules = replace(rules, moved=moved(every[0].world))
    stage = invented_stage(rules, kept, every[0], job)
    keep = settings.read().output / "rehearsal"
    played = play(promtool, parts(every, rules), rules, stage, seconds=seconds, keep=keep)
    for judge, promise in promises:
        report.verdict(promise.id, promise.says, judge(promise, played))


def _not_told(promise: Fires, rehearsal: Rehearsal) -> Verdict:  # noqa: ARG001 - in place of a judge
    return not_covered("the files do not have both, alerts and what they read", "give all rule files together")


def _unmoved(promise: Rehearsed, rehearsal: Rehearsal) -> Callable[[Rule], str]:
    """Excuse alerts on metrics that are in no file: those of exporters."""
    world = {movement.metric for movement in promise.world}
    known = {name + suffix for name in world for suffix in ("", "_bucket", "_count", "_sum")} | {"up", "ALERTS"}

    def excused(rule: Rule) -> str:
        names = rehearsal.rules.read_by([rule.name]) - {each.name for each in rehearsal.rules.every}
        unknown = sorted(names - known)
        return f"reads {', '.join(unknown[:3])}, which only a target has: not judged" if unknown else ""

    return excused


def invented_stage(rules: Rules, kept: Contract, promise: Rehearsed, job: str) -> Stage:
    """Set a stage without a target: replicas of the named job, and one target of every job that rules ask for."""
    count = next((each.replicas for each in kept.platform.environments.values() if each.replicas), _REPLICAS)
    jobs = {
        matcher.value
        for rule in rules.every
        for selector in selectors_of(rule.query)
        for matcher in selector.matchers
        if matcher.label == "job" and matcher.operator == "=" and matcher.value
    }
    return Stage(
        replicas=tuple({"job": job, "instance": f"replica-{number + 1}:8000"} for number in range(count)),
        others=tuple({"job": other, "instance": f"{other}:80"} for other in sorted(jobs - {job})),
        words=words_of(promise, rules, {}),
    )


# -------------------------------------------------------------------------------------------------------------- metrics


def conventions(family: FamilyOf) -> Iterator[str]:
    """Say which conventions of Prometheus a promised family breaks."""
    name = family.name
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        yield "its name is not in lower case with underscores"
    if family.type == "counter" and not name.endswith("_total"):
        yield "is a counter, and its name does not end in _total"
    if family.type != "counter" and name.endswith("_total"):
        yield f"is a {family.type}, and its name ends in _total like a counter's"
    if name.endswith(("_count", "_sum", "_bucket")):
        yield f"its name ends like a part of a histogram ({name.rpartition('_')[2]})"
    for part in name.removesuffix("_total").split("_"):
        if part in _BASE_UNITS:
            yield f"is in {part}; the base unit is {_BASE_UNITS[part]}"
    for label, allowed in family.labels.items():
        if label in _RESERVED or label.startswith("__"):
            yield f"has the label {label}, which Prometheus gives itself"
        if isinstance(allowed, str):
            yield from _unbounded(label, allowed)


def _unbounded(label: str, pattern: str) -> Iterator[str]:
    try:
        found = re.compile(pattern)
    except re.error as error:
        yield f"the values of its label {label} are no regular expression: {error}"
        return
    if any(found.fullmatch(character * len(_UNBOUNDED)) for character in "xX0 _/"):
        yield f"the values of its label {label} have no bound: {pattern}"


def validate_metrics(kept: Contract, page: str | None, report: Report) -> None:
    """Check the table, and a page against it if one is given."""
    table = [promise for _, promise in kept.all_promises() if isinstance(promise, FamilyOf)]
    if not table:
        report.say(Outcome.INCONCLUSIVE, "contract", "promises no metric")
    for family in table:
        wrong = list(conventions(family))
        if wrong:
            report.say(Outcome.FAIL, family.id, f"{family.name} {'; '.join(wrong)}")
    if table and Outcome.FAIL not in report.outcomes:
        report.say(Outcome.PASS, "contract", f"{len(table)} families, all by the conventions")
    if page is not None:
        _validate_page(table, page, _page(page), report)


def _page(page: str) -> str:
    if page.startswith(("http://", "https://")):
        ca_file = settings.read().ca_file
        with Http(
            deadline=Deadline(30), secrets=Secrets(), user_agent=f"self-check/{VERSION}", ca_file=ca_file
        ) as http:
            try:
                answer = http.ask("GET", page)
                if answer.status != 200:
                    message = f"{page}: answers HTTP {answer.status}"
                    raise UnusableError(message)
                return answer.text()
            except CouldNotObserve as error:
                raise UnusableError(error.sentence) from error
    try:
        return Path(page).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{page}: cannot be read: {error}"
        raise UnusableError(message) from error


def _validate_page(table: Sequence[FamilyOf], name: str, text: str, report: Report) -> None:
    exposition = parse_page(text)
    if exposition.problems:
        shown = [str(problem) for problem in exposition.problems[:5]]
        report.say(Outcome.FAIL, name, f"{exposition.problems_count} fault(s) in the text format", shown)
    if not exposition.samples_count:
        report.say(Outcome.FAIL, name, "has no sample: is it a metrics page?")
        return
    apart = {family.component for family in table if family.name in exposition.families}
    for family in table:
        if family.component not in apart:
            report.say(Outcome.NOT_COVERED, family.id, f"{name} has no family of the {family.component}")
            continue
        wrong = judge_family(family, exposition)
        if wrong:
            report.say(Outcome.FAIL, family.id, f"{family.name} {'; '.join(wrong)}")
        else:
            report.say(Outcome.PASS, family.id, f"{family.name} is as promised")


# ---------------------------------------------------------------------------------------------------------- the command


def main(arguments: Sequence[str] | None = None, write: Callable[[str], None] = print) -> int:
    """Check, print, and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    of_rules = commands.add_parser("rules", help="rule files, and configurations of Prometheus and Alertmanager")
    of_rules.add_argument("paths", nargs="*", type=Path, help="files or folders; without any, the lab's own")
    of_rules.add_argument("--job", default="cad-ml-platform", help="that scrapes the platform (default: %(default)s)")
    of_metrics = commands.add_parser("metrics", help="the contract's table of metrics, and a page")
    of_metrics.add_argument("page", nargs="?", help="a metrics page: a file, or a URL")
    given = parser.parse_args(arguments)
    report = Report(write)
    try:
        own = settings.read()
        kept = contract.load(own.contract)
        if given.command == "metrics":
            validate_metrics(kept, given.page, report)
        else:
            promtool = Promtool.found(own.promtool)
            with tempfile.TemporaryDirectory(prefix="self-check-") as folder:
                files = sorted_out(given.paths or [_lab_files(Path(folder))])
                validate_rules(files, kept, given.job, promtool, report)
    except (UnusableError, contract.ContractError, settings.SettingsError) as error:
        write(f"unusable: {harmless(str(error))}")
        return _EXIT_UNUSABLE
    except CouldNotObserve as error:
        report.say(Outcome.INCONCLUSIVE, "promtool", error.sentence)
    failed = sum(outcome is Outcome.FAIL for outcome in report.outcomes)
    write(f"{len(report.outcomes)} looked at, {failed} wrong: exit code {report.exit_code}")
    return report.exit_code


def _lab_files(folder: Path) -> Path:
    """Write the lab's configuration with production timings."""
    for name, text in rendered(Ports(), Scale(factor=1.0, window_seconds_max=1e9)).items():
        if name in (PROMETHEUS, ALERTMANAGER) or name.startswith("rules/"):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return folder


if __name__ == "__main__":
    sys.exit(main())
