"""Judges of alerts: the one that must come, on its whole way, in which order, and those that must not. Pure.

Alerts are told by what their rule reads and by labels, never by name. A lower bound counts from the last sample without
the alert and an upper one from the first with it, so neither the sampler's step nor a gap in it makes a breach.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from chaos.detectors import Life, duplicates, has, is_receiver_known, is_same, lives, notifications
from chaos.evidence import ALERTMANAGER, PROMETHEUS, Evidence, finished, keeps_from_judging, samples_of, together
from chaos.timeline import Alerts
from load.wording import count, duration
from selfcheck.verdict import Outcome, Verdict, failed, inconclusive, not_covered, passed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from chaos.promises import Alerted, Ordered, Unalerted
    from chaos.record import Rule

_REPEAT_SLACK_SECONDS = 2.0


@dataclass(frozen=True)
class _Look:
    """An alert that is promised, the rules that may be it, and when it has to be where."""

    evidence: Evidence
    promise: Alerted
    rules: tuple[Rule, ...]

    @property
    def begin(self) -> float:
        """From when on it is waited for: the fault; the undo where what tells of it was away until then."""
        return self.evidence.gone if self.promise.late else self.evidence.there

    @property
    def deadline(self) -> float:
        promise = self.promise
        return self.begin + self.evidence.scaled(promise.within_seconds) + promise.slack_seconds

    @property
    def resolved_deadline(self) -> float:
        promise = self.promise
        return self.evidence.gone + self.evidence.scaled(promise.resolved_within_seconds) + promise.slack_seconds

    @property
    def expected(self) -> str:
        evidence, promise = self.evidence, self.promise
        what = f"an alert that reads {' or '.join(promise.reads)}"
        if promise.labels:
            what += " with " + ", ".join(f"{key}={value}" for key, value in promise.labels.items())
        within = duration(evidence.scaled(promise.within_seconds))
        resolved = duration(evidence.scaled(promise.resolved_within_seconds))
        since = "the undo" if promise.late else "the fault"
        way = ", is delivered" if promise.delivered else ""
        return f"{what} fires within {within} of {since}{way}, and is resolved within {resolved} of the undo"

    def of(self, life: Life) -> list[Rule]:
        return [rule for rule in self.rules if rule.name == life.alert.name]

    def passes(self, observed: str) -> Verdict:
        return passed(observed, where=self.evidence.place["where"])

    def fails(self, observed: str) -> Verdict:
        return failed(self.expected, observed, **self.evidence.place)

    def cannot_tell(self, observed: str, remedy: str = "") -> Verdict:
        return inconclusive(self.expected, observed, **self.evidence.place, remedy=remedy)


def judge_alerted(evidence: Evidence, promise: Alerted) -> Verdict:
    """An alert goes its whole way: pending, firing, in Alertmanager, delivered, resolved, and the end delivered."""
    rules = tuple(
        rule
        for rule in evidence.record.rules
        if rule.severity in promise.severities and set(rule.reads) & set(promise.reads)
    )
    look = _Look(evidence, promise, rules)
    if blocked := keeps_from_judging(evidence, look.expected, sources=(PROMETHEUS,)):
        return blocked
    if not evidence.record.rules:
        return look.cannot_tell("which alerting rules are loaded is not known")
    if not rules:
        return look.fails(f"no loaded alert of severity {' or '.join(promise.severities)} reads it")
    names = {rule.name for rule in rules}
    every = [
        life for life in lives(evidence.timeline) if life.alert.name in names and has(life.alert.labels, promise.labels)
    ]
    old = [life for life in every if life.seen < evidence.start and life.firing is not None]
    if old:
        state = "firing" if any((life.firing or 0) < evidence.start for life in old) else "pending"
        return look.cannot_tell(f"{old[0].alert.name} was {state} before the fault already")
    # What fires only when the fault is gone tells nobody of it: budgets, long windows.
    fired = [life for life in every if life.firing is not None and (promise.late or life.firing < evidence.gone)]
    if not fired:
        return _silent(look, every)
    by_key: dict[str, list[Life]] = {}
    for life in fired:
        by_key.setdefault(life.alert.key, []).append(life)
    first = min(life.firing for life in fired if life.firing is not None)
    verdicts = [early for life in fired if (early := _early(look, life))]
    if first > look.deadline:
        observed = f"{fired[0].alert.name} fired {_since(look, first)}, {duration(first - look.deadline)} too late"
        verdicts.append(look.fails(observed))
    ways = [_way(look, chain) for chain in by_key.values()]
    if any(way.outcome is Outcome.PASS for way in ways):
        # One alert tells of it; of others that were too short to be judged it is remarked.
        unclear = [way for way in ways if way.outcome is Outcome.INCONCLUSIVE]
        ways = [way.with_notes(*(each.observed for each in unclear)) for way in ways if way not in unclear]
    return together(look.expected, verdicts + ways, evidence)


def _since(look: _Look, moment: float) -> str:
    return look.evidence.after_undo(moment) if look.promise.late else look.evidence.after_fault(moment)


def _silent(look: _Look, every: Sequence[Life]) -> Verdict:
    """Judge that nothing fired: a breach only where the fault was there for as long as it may take."""
    evidence, promise = look.evidence, look.promise
    moments = samples_of(evidence, PROMETHEUS)
    until = moments[-1] if moments else evidence.start
    names = ", ".join(dict.fromkeys(rule.name for rule in look.rules))
    longest = 0.0
    for life in every:
        if life.pending is None:
            continue
        over = min(
            (moment for moment in moments if moment > life.pending and not _has(look, life, moment)), default=until
        )
        longest = max(longest, min(over, evidence.undoing) - life.pending)
        enough = max(rule.for_seconds + 2 * rule.interval_seconds for rule in look.of(life)) + promise.slack_seconds
        if longest >= enough:
            return look.fails(f"{life.alert.name} was pending for {duration(longest)} and never fired")
    allowed = evidence.scaled(promise.within_seconds) + promise.slack_seconds
    if promise.late:
        held, what = until - evidence.gone, "after the undo"
    else:
        held, what = min(evidence.undoing, until) - evidence.there, "while the fault was there"
    if held >= allowed:
        return look.fails(f"none of {names} fired in {duration(held)} {what}")
    pending = f"; pending for {duration(longest)}" if longest else ""
    remedy = f"hold the fault for at least {duration(allowed)}"
    return look.cannot_tell(f"none of {names} fired, but only {duration(max(0.0, held))} were watched{pending}", remedy)


def _has(look: _Look, life: Life, moment: float) -> bool:
    return any(
        sample.since == moment and any(alert.key == life.alert.key for alert in sample.alerts)
        for sample in look.evidence.timeline.of(Alerts)
        if sample.source == PROMETHEUS
    )


def _early(look: _Look, life: Life) -> Verdict | None:
    """See an alert that fires before its `for` can be over, counted from the fault and from when it was pending."""
    evidence = look.evidence
    if PROMETHEUS in evidence.experiment.stops_watching or life.firing is None:
        return None
    rules = look.of(life)
    least = min(rule.for_seconds for rule in rules)
    slack = max(rule.interval_seconds for rule in rules)
    name = life.alert.name
    if life.firing < evidence.start + least - slack:
        observed = f"{name} fired {evidence.after_fault(life.firing)}, its `for` is {duration(least)}"
        return look.fails(f"{observed}: it cannot have been this fault")
    absent = life.absent if life.absent is not None else float("-inf")
    if life.firing - absent < least - slack:
        observed = f"{name} fired {duration(life.firing - absent)} after it was absent, its `for` is {duration(least)}"
        return look.fails(observed)
    return None


def _way(look: _Look, chain: Sequence[Life]) -> Verdict:
    """Judge where an alert went from firing to resolved; `chain` has all its lives."""
    evidence, promise, first = look.evidence, look.promise, chain[0]
    assert first.firing is not None
    name = first.alert.name
    said = [f"pending {_since(look, first.pending)}"] if first.pending is not None else []
    said.append(f"firing {_since(look, first.firing)}")
    notes: list[str] = []
    suppressed = False
    if promise.delivered:
        state = _in_alertmanager(look, first)
        suppressed = state == "inhibited"
        if state in {"absent", "silenced"}:
            why = "never reached Alertmanager" if state == "absent" else "was silenced, and no critical alert fired"
            return look.fails(f"{name} fired {_since(look, first.firing)} and {why}")
        if suppressed:
            notes.append(f"{name} was not delivered: a critical alert fired meanwhile")
        elif not is_receiver_known(evidence):
            notes.append("whether it was delivered is not known: no receiver could be looked at")
        else:
            delivered = _delivered(look, first)
            if isinstance(delivered, Verdict):
                return delivered
            said.append(delivered)
    last = chain[-1]
    resolved = _resolved(look, last, told=promise.delivered and not suppressed and is_receiver_known(evidence))
    if isinstance(resolved, Verdict):
        return resolved
    said.append(resolved)
    if promise.once and (twice := _twice(look, first)):
        return twice
    return look.passes(f"{name} {', '.join(said)}").with_notes(*notes)


def _in_alertmanager(look: _Look, life: Life) -> str:
    """Say how Alertmanager had an alert: active, inhibited, silenced, absent; empty where it cannot be told."""
    evidence = look.evidence
    assert life.firing is not None
    assert life.last_firing is not None
    severities = {rule.name: rule.severity for rule in evidence.record.rules}
    found: set[str] = set()
    looked = [
        sample
        for sample in evidence.timeline.of(Alerts)
        if sample.source == ALERTMANAGER and life.firing <= sample.since
    ]
    for sample in looked:
        for alert in sample.alerts:
            if not is_same(life.alert, alert.name, alert.labels):
                continue
            if alert.state != "suppressed":
                return "active"
            # Only what pages inhibits; a silence suppresses, too, and hides the alert from everybody.
            paged = any(
                severities.get(other.name) == "critical" and other.state != "suppressed" for other in sample.alerts
            )
            found.add("inhibited" if paged else "silenced")
    if found:
        return "inhibited" if "inhibited" in found else "silenced"
    long_enough = life.last_firing - life.firing >= look.promise.slack_seconds
    seen = [sample for sample in looked if sample.since <= life.last_firing + look.promise.slack_seconds]
    return "absent" if seen and long_enough and ALERTMANAGER not in evidence.experiment.stops_watching else ""


def _active(look: _Look, life: Life) -> float:
    """Say for how long Alertmanager had an alert as one to tell of; for ever where it was not looked at."""
    assert life.firing is not None
    looked = [
        sample
        for sample in look.evidence.timeline.of(Alerts)
        if sample.source == ALERTMANAGER and life.firing <= sample.since
    ]
    moments = [
        sample.since
        for sample in looked
        if any(each.state != "suppressed" and is_same(life.alert, each.name, each.labels) for each in sample.alerts)
    ]
    if not looked:
        return float("inf")
    return moments[-1] - moments[0] if moments else 0.0


def _delivered(look: _Look, life: Life) -> str | Verdict:
    evidence, promise, name = look.evidence, look.promise, life.alert.name
    assert life.firing is not None
    assert life.last_firing is not None
    wanted = {receiver for rule in look.of(life) for receiver in rule.receivers}
    every = [each for each in notifications(evidence.timeline, life.alert, "firing") if each.since >= evidence.start]
    right = [each for each in every if not wanted or each.receiver in wanted]
    deadline = max(look.deadline, life.firing) + promise.slack_seconds
    if right:
        got = right[0]
        if got.since > deadline:
            late = duration(got.since - deadline)
            return look.fails(f"{name} was delivered to {got.receiver} {_since(look, got.since)}, {late} too late")
        if promise.late and got.since < evidence.there:
            return look.fails(f"{name} was delivered before the fault was there")
        return f"delivered to {got.receiver} {_since(look, got.since)}"
    if every:
        observed = f"{name} was delivered to {every[0].receiver}, and is promised to {' or '.join(sorted(wanted))}"
        return look.fails(observed)
    observed = f"{name} fired {_since(look, life.firing)} and was not delivered"
    fired_for = min(life.last_firing - life.firing, _active(look, life))
    if evidence.last < min(deadline, life.firing + 2 * promise.slack_seconds) or fired_for < promise.slack_seconds:
        return look.cannot_tell(f"{observed}; it fired for {duration(fired_for)} only, or was not watched for longer")
    return look.fails(f"{observed} to {' or '.join(sorted(wanted)) or 'any receiver'}")


def _resolved(look: _Look, life: Life, *, told: bool) -> str | Verdict:  # noqa: PLR0911 - one for each step
    """Judge that an alert ended, and that its end was delivered to whom it had been delivered."""
    evidence, promise, name = look.evidence, look.promise, life.alert.name
    if evidence.undone is None:
        return look.cannot_tell("the undo was not verified")
    assert life.last_firing is not None
    if life.last_firing > look.resolved_deadline:
        return look.fails(f"{name} still fired {evidence.after_undo(life.last_firing)}")
    if life.over is None:
        observed = f"{name} still fired when the watch ended, {evidence.after_undo(life.last_firing)}"
        return look.cannot_tell(observed, "watch it longer after the undo")
    if life.over > look.resolved_deadline:
        # Between the last sample with it and the first without it the limit went by.
        return look.cannot_tell(f"{name} was resolved {evidence.after_undo(life.over)} at the latest")
    said = f"resolved {evidence.after_undo(life.over)}" if life.over > evidence.gone else "resolved before the undo"
    if not told:
        return said
    firing = notifications(evidence.timeline, life.alert, "firing")
    ends = [each for each in notifications(evidence.timeline, life.alert, "resolved") if each.since > firing[0].since]
    if ends:
        if ends[-1].since > look.resolved_deadline + 2 * promise.slack_seconds:
            return look.fails(f"the end of {name} was delivered {evidence.after_undo(ends[-1].since)}")
        return f"{said}, its end delivered {evidence.after_undo(ends[-1].since)}"
    if evidence.last < max(look.resolved_deadline, life.over + promise.slack_seconds):
        observed = f"the end of {name} was not delivered until the watch ended, {evidence.after_undo(evidence.last)}"
        return look.cannot_tell(observed, "watch it longer after the undo")
    return look.fails(f"{name} was {said}, and its end was never delivered")


def _twice(look: _Look, life: Life) -> Verdict | None:
    """See an alert that was delivered again before its repeat interval was over, with nothing new in the message."""
    rules = look.of(life)
    repeat = min((rule.repeat_seconds for rule in rules if rule.repeat_seconds), default=0.0)
    within = repeat - _REPEAT_SLACK_SECONDS if repeat else look.promise.slack_seconds
    for one, other in duplicates(look.evidence.timeline, life.alert, within):
        return look.fails(
            f"{life.alert.name} was delivered to {one.receiver} twice within {duration(other.since - one.since)},"
            f" {_since(look, other.since)}"
        )
    return None


def judge_unalerted(evidence: Evidence, promise: Unalerted) -> Verdict:
    """No alert fires but those that the fault explains."""
    explained = f" but those that read {' or '.join(promise.reads)}" if promise.reads else ""
    expected = f"no alert fires{explained}"
    if blocked := keeps_from_judging(evidence, expected, sources=(PROMETHEUS,)):
        return blocked
    rules = evidence.record.rules
    place = evidence.place
    if not rules:
        return inconclusive(expected, "which alerting rules are loaded is not known", **place)
    named: dict[str, list[Rule]] = {}
    for rule in rules:
        named.setdefault(rule.name, []).append(rule)
    notes = []
    wrong: list[Verdict] = []
    fine = 0
    for life in lives(evidence.timeline):
        if life.firing is None or life.last_firing is None or life.last_firing < evidence.start:
            continue
        name = life.alert.name
        if life.seen < evidence.start:
            notes.append(f"{name} was there before the fault, and is no part of it")
            continue
        mine = named.get(name, [])
        if any(set(rule.reads) & set(promise.reads) or rule.severity in promise.ignored for rule in mine):
            fine += 1
            continue
        labels = ", ".join(f"{key}={value}" for key, value in sorted(life.alert.labels.items()))
        observed = f"{name} fired {evidence.after_fault(life.firing)} ({labels})"
        wrong.append(failed(expected, f"{observed}{'' if mine else '; no rule of this name is known'}", **place))
    if wrong:
        return together(expected, wrong, evidence).with_notes(*notes)
    looks = sum(1 for moment in samples_of(evidence, PROMETHEUS) if moment >= evidence.start)
    observed = (
        f"{count(fine)} that the fault explains, in {count(looks)} samples"
        if fine
        else f"none in {count(looks)} samples"
    )
    verdict = passed(observed, where=place["where"], notes=dict.fromkeys(notes))
    return finished(evidence, expected, verdict)


def judge_ordered(evidence: Evidence, promise: Ordered) -> Verdict:
    """Of burn-rate alerts, none fires before one whose windows are shorter."""
    expected = f"burn-rate alerts that read {' or '.join(promise.reads)} fire in the order of their windows"
    if blocked := keeps_from_judging(evidence, expected, sources=(PROMETHEUS,)):
        return blocked
    place = evidence.place
    if not evidence.record.rules:
        return inconclusive(expected, "which alerting rules are loaded is not known", **place)
    rules = sorted(
        (rule for rule in evidence.record.rules if rule.burn_seconds and set(rule.reads) & set(promise.reads)),
        key=lambda rule: rule.burn_seconds,
    )
    if len({rule.burn_seconds for rule in rules}) < _ENOUGH_FOR_AN_ORDER:
        return not_covered(
            f"{count(len(rules))} of the loaded alerts compare{'s' if len(rules) == 1 else ''} two windows of it",
            "load burn-rate alerts over pairs of windows; the gate's alerts.burn_rates says which",
        )
    names = {rule.name for rule in rules}
    there = [life for life in lives(evidence.timeline) if life.alert.name in names]
    if old := next((life.alert.name for life in there if life.seen < evidence.start), ""):
        return inconclusive(expected, f"{old} was there before the fault already", **place)
    began: dict[str, float] = {}
    for life in there:
        if life.firing is not None:
            began.setdefault(life.alert.name, life.firing)
    waiting = {life.alert.name for life in there} - began.keys()
    return _in_order(evidence, rules, began, waiting, expected)


_ENOUGH_FOR_AN_ORDER = 2


def _in_order(
    evidence: Evidence, rules: Sequence[Rule], began: Mapping[str, float], waiting: Collection[str], expected: str
) -> Verdict:
    """Judge when rules began to fire, in the order of their windows; `waiting` were pending and never fired."""
    place = evidence.place
    said = ", ".join(f"{rule.name} {evidence.after_fault(began[rule.name])}" for rule in rules if rule.name in began)
    there = [rule for rule in rules if rule.name in began]
    for shorter, longer in combinations(there, 2):
        slack = 2 * max(shorter.interval_seconds, longer.interval_seconds)
        if shorter.burn_seconds < longer.burn_seconds and began[longer.name] < began[shorter.name] - slack:
            return failed(expected, f"{longer.name} fired before {shorter.name}: {said}", **place)
    late = [
        rule.name for rule in rules if there and rule.name in waiting and rule.burn_seconds < there[-1].burn_seconds
    ]
    if late:
        return failed(expected, f"{said} fired, while {' and '.join(late)} was only pending", **place)
    first = [rule.name for rule in rules if rule.burn_seconds == rules[0].burn_seconds]
    if not any(name in began for name in first):
        observed = f"{said or 'none'} fired, and {' and '.join(first)} did not"
        remedy = "hold the fault for longer, or let more of the traffic meet it"
        return inconclusive(expected, observed, **place, remedy=remedy)
    return finished(evidence, expected, passed(said, where=place["where"]))
