"""Judges of an experiment as a whole: undo, effect, steady state, recovery, replicas, traffic, figures. Pure."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from chaos.detectors import Incident, incident, recovered
from chaos.evidence import FIGURES, PAGES, SENT, Evidence, effect, keeps_from_judging, together
from chaos.timeline import Figures, Page, Probed, Replica
from load.statistics import is_more
from load.wording import count, duration, number, share
from selfcheck.verdict import Outcome, Verdict, failed, inconclusive, not_covered, passed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chaos.promises import Bites, Driven, Figured, Holds, Recovers, Rotation, Steady, Told, Undone
    from chaos.record import Look

_RECOVER = "undo it by hand: make chaos-recover"
_RELAPSE_SHARE = 0.1
_RELAPSES_MIN = 3
_TOLD_MIN = 3
"""Fewer readings of a page may all be late ones: each may tell of a second ago, and a busy machine reads seldom."""

# ----------------------------------------------------------------------------------------------------------------- undo


def judge_undone(evidence: Evidence, promise: Undone) -> Verdict:
    """The fault is gone: every undo was read back, and nothing is left over."""
    del promise
    expected = "every fault is undone, which is read back, and nothing is left over"
    record, place = evidence.record, evidence.place
    remaining = [
        f"{done.fault} at {done.target} ({done.trouble or 'its undo was not read back'}; undo: {done.undo})"
        for done in record.faults
        # One that was never begun has nothing to undo.
        if done.undone is None and (done.injected is not None or done.proof or done.trouble)
    ]
    remaining += [f"left over: {each}" for each in record.leftovers]
    if remaining:
        return failed(expected, f"{'; '.join(remaining)}. {_RECOVER}", **place)
    if record.refused:
        remedy = "remove what it was refused for, then start it again"
        return inconclusive(expected, f"nothing was injected: {record.refused}", **place, remedy=remedy)
    made = [done for done in record.faults if done.undone is not None]
    if not made:
        return inconclusive(expected, "no fault was made", **place)
    steps = dict.fromkeys(step for done in made for step in done.undo_steps)
    observed = f"{count(len(made))} of {count(len(made))} faults undone"
    return passed(observed + (f" ({', '.join(steps)})" if steps else ""), where=place["where"])


def judge_bites(evidence: Evidence, promise: Bites) -> Verdict:
    """The fault was there, and its probe shows it; never a FAIL."""
    what = {
        "fails": "its probe fails",
        "slower": f"its probe is slower by {duration(promise.slower_seconds)}",
        "other": "another provider answers its probe",
        "none": "nothing needs to show",
    }[promise.effect]
    expected = f"every fault is read back where it is made, and {what}"
    if blocked := keeps_from_judging(evidence, expected, bite=False):
        return blocked
    record, place = evidence.record, evidence.place
    unmade = [done for done in record.faults if done.injected is None or not done.proof]
    if unmade or not record.faults:
        what = (
            f"{unmade[0].fault} was not read back: {unmade[0].trouble or 'it was not there'}" if unmade else "no fault"
        )
        return inconclusive(expected, what, **place)
    seen, missing = effect(evidence, promise)
    proof = "; ".join(done.proof for done in record.faults)
    if missing:
        return inconclusive(expected, f"{proof}; but {missing}", **place)
    return passed(f"{proof}; {seen}", where=place["where"])


def judge_steady(evidence: Evidence, promise: Steady) -> Verdict:
    """All is well before the fault and again after recovery."""
    expected = "all is well before the fault, and again after recovery"
    if blocked := keeps_from_judging(evidence, expected, bite=False):
        return blocked
    record, place = evidence.record, evidence.place
    before = {look.id: look for look in record.before if _asked_for(look, promise)}
    after = {look.id: look for look in record.after if _asked_for(look, promise)}
    known = [look for look in before.values() if look.outcome == Outcome.PASS]
    unknown = [name for name in promise.looks if not any(_fits(look.id, name) for look in record.before)]
    if unknown or not known:
        observed = f"{unknown[0]} was not looked at" if unknown else "nothing was well before the fault"
        return inconclusive(expected, observed, **place)
    if not record.after:
        return inconclusive(expected, "nothing was looked at after the fault: it did not recover", **place)
    verdicts = []
    for look in known:
        then = after.get(look.id)
        if then is None:
            verdicts.append(inconclusive(expected, f"{look.id} was not looked at again", **place))
        elif then.outcome == Outcome.FAIL or (promise.stays and then.outcome == Outcome.NOT_COVERED):
            verdicts.append(failed(expected, f"{look.id} fails after the fault: {then.observed}", **place))
        elif then.outcome != Outcome.PASS:
            verdicts.append(inconclusive(expected, f"{look.id} cannot be told any more: {then.observed}", **place))
    verdicts += [
        inconclusive(expected, f"{look.id} was {look.outcome} before the fault: {look.observed}", **place)
        for look in before.values()
        if look.outcome not in {Outcome.PASS, Outcome.NOT_COVERED}
    ]
    verdicts.append(passed(f"{count(len(known))} promises kept, before and after", where=place["where"]))
    return together(expected, verdicts, evidence)


def judge_holds(evidence: Evidence, promise: Holds) -> Verdict:
    """What is promised to hold while the fault is there did, then."""
    expected = "what has nothing to do with the fault holds while it is there"
    if blocked := keeps_from_judging(evidence, expected):
        return blocked
    place = evidence.place
    looks = [look for look in evidence.record.during if _asked_for(look, promise)]
    unknown = [name for name in promise.looks if not any(_fits(look.id, name) for look in looks)]
    if unknown:
        why = next((f": {look.observed}" for look in evidence.record.during if look.id.startswith("platform.")), "")
        return inconclusive(expected, f"{unknown[0]} was not looked at while the fault was there{why}", **place)
    verdicts = [
        (failed if look.outcome == Outcome.FAIL else inconclusive)(
            expected, f"{look.id} {_HOW[look.outcome]} while the fault is there: {look.observed}", **place
        )
        for look in looks
        if look.outcome in _HOW
    ]
    kept = sum(look.outcome == Outcome.PASS for look in looks)
    if not kept and not verdicts:
        return inconclusive(expected, "nothing of it could be told", **place)
    return together(expected, [*verdicts, passed(f"{count(kept)} promises kept", where=place["where"])], evidence)


_HOW = {str(Outcome.FAIL): "fails", str(Outcome.INCONCLUSIVE): "cannot be told"}


def _asked_for(look: Look, promise: Steady | Holds) -> bool:
    return any(_fits(look.id, name) for name in promise.looks)


def _fits(name: str, wanted: str) -> bool:
    return name == wanted or (wanted.endswith(".*") and name.startswith(wanted[:-1]))


# ------------------------------------------------------------------------------------------------------------- recovery


def judge_recovers(evidence: Evidence, promise: Recovers) -> Verdict:  # noqa: PLR0911 - one for each way to end
    """From the undo until all is well again, and stays so."""
    within = max(promise.within_seconds_min, evidence.scaled(promise.within_seconds))
    expected = f"all is well again within {duration(within)} of the undo"
    if blocked := keeps_from_judging(evidence, expected):
        return blocked
    place = evidence.place
    if evidence.undone is None:
        return inconclusive(expected, "the undo was not verified", **place, remedy=_RECOVER)
    since = recovered(evidence, promise.window_seconds)
    watched = evidence.last - evidence.gone
    if since is None:
        observed = (
            f"in {duration(watched)} after the undo it was never well for {duration(promise.window_seconds)}: "
            f"{_ill(evidence)}"
        )
        if watched >= within + promise.window_seconds and _looked(evidence, within):
            return failed(expected, observed, **place)
        return inconclusive(expected, observed, **place, remedy="watch it longer after the undo")
    if since - evidence.gone > within:
        return failed(expected, f"it was well {evidence.after_undo(since)}, and not before: {_ill(evidence)}", **place)
    if relapse := _relapse(evidence, since):
        return failed(expected, f"it was well {evidence.after_undo(since)}, but not for long: {relapse}", **place)
    return passed(f"well {evidence.after_undo(since)}", where=place["where"])


def _looked(evidence: Evidence, within: float) -> bool:
    """Tell whether each probe was sent until the limit: what was not looked at cannot have been seen to be well."""
    until = evidence.gone + within
    probes = [each for each in evidence.timeline.of(Probed) if each.outcome in SENT]
    names = {(each.probe, each.replica) for each in probes}
    return bool(names) and names == {(each.probe, each.replica) for each in probes if each.since >= until}


def _ill(evidence: Evidence) -> str:
    """Say what was not well last."""
    texts: list[tuple[float, str]] = []
    for each in evidence.timeline.of(Probed):
        if each.since >= evidence.gone and each.outcome in SENT and each.outcome != "ok":
            on = f" on {each.replica}" * bool(each.replica)
            text = f"{each.probe}{on}: {each.outcome.replace('_', ' ')} {each.code}".rstrip()
            texts.append((each.since, text))
    for sample in evidence.timeline.of(Replica):
        if sample.since < evidence.gone:
            continue
        opened = [f"breaker {key} is {number(value)}" for key, value in sample.breakers.items() if value]
        if not sample.up or opened:
            texts.append((sample.since, f"{sample.replica}: {opened[0] if sample.up else 'does not answer'}"))
    if not texts:
        return "not everything was looked at"
    since, text = max(texts)
    return f"last {text}, {evidence.after_undo(since)}"


def _relapse(evidence: Evidence, since: float) -> str:
    """Say what was not well for a good part of the time after recovery; empty when nothing was."""
    probes = [each for each in evidence.timeline.of(Probed) if each.since > since and each.outcome in SENT]
    bad = [each for each in probes if each.outcome != "ok"]
    if len(bad) >= _RELAPSES_MIN and is_more(len(bad), len(probes), _RELAPSE_SHARE):
        return f"{count(len(bad))} of {count(len(probes))} requests failed after that; {_ill(evidence)}"
    for replica in evidence.replicas:
        samples = [each for each in evidence.timeline.of(Replica) if each.replica == replica and each.since > since]
        ill = [each for each in samples if not each.up or any(each.breakers.values())]
        if len(ill) >= _RELAPSES_MIN and is_more(len(ill), len(samples), _RELAPSE_SHARE):
            return _ill(evidence)
    return ""


def judge_rotation(evidence: Evidence, promise: Rotation) -> Verdict:  # noqa: PLR0911 - one for each step
    """A replica that is gone is noticed, and so is its return."""
    within = promise.within_seconds_min
    expected = f"{promise.watch} falls within {duration(within)} of the fault, and is back within as long of the undo"
    if blocked := keeps_from_judging(evidence, expected, sources=(FIGURES,)):
        return blocked
    place = evidence.place
    values = [
        (each.since, each.values[promise.watch])
        for each in evidence.timeline.of(Figures)
        if promise.watch in each.values
    ]
    before = [value for since, value in values if since <= evidence.start]
    if not before:
        return inconclusive(expected, f"{promise.watch} had no value before the fault", **place)
    usual = before[-1]
    during = [(since, value) for since, value in values if evidence.start < since <= evidence.undoing]
    fell = next((since for since, value in during if value < usual), None)
    last = max((since for since, _ in during), default=evidence.start)
    if fell is None:
        observed = f"{promise.watch} was {number(usual)} before, and never less in {duration(evidence.held)}"
        if last - evidence.there >= within:
            return failed(expected, observed, **place)
        return inconclusive(expected, observed, **place, remedy="hold the fault longer")
    if fell - evidence.there > within:
        return failed(expected, f"{promise.watch} fell {evidence.after_fault(fell)}", **place)
    if evidence.undone is None:
        return inconclusive(expected, "the undo was not verified", **place)
    # The last look before the undo counts: what was back by itself need not come back again.
    late = [(since, value) for since, value in values if since > evidence.undoing]
    back = next((since for since, value in late if value >= usual), None)
    seen = f"from {number(usual)} to {number(min(value for since, value in during if since >= fell))}"
    seen += f" {evidence.after_fault(fell)}"
    if back is None:
        observed = f"{promise.watch} fell {seen}, and was not back until {evidence.after_undo(evidence.last)}"
        if late and late[-1][0] - evidence.gone >= within:
            return failed(expected, observed, **place)
        return inconclusive(expected, observed, **place, remedy="watch it longer after the undo")
    if back - evidence.gone > within:
        return failed(expected, f"{promise.watch} fell {seen}, and was back {evidence.after_undo(back)}", **place)
    return passed(f"{promise.watch} fell {seen}, and was back {evidence.after_undo(back)}", where=place["where"])


def judge_told(evidence: Evidence, promise: Told) -> Verdict:
    """The page of readiness says that a dependency is away, and that it is back, on every replica."""
    name, within = promise.check, promise.within_seconds_min
    expected = (
        f"{name} reads as not well within {duration(within)} of the fault, and as well within as long of the undo"
    )
    if blocked := keeps_from_judging(evidence, expected, sources=(PAGES,)):
        return blocked
    place = evidence.place
    verdicts = []
    for replica in evidence.replicas:
        said = [
            (page.since, page.since + page.seconds, page.checks[name])
            for page in evidence.timeline.of(Page)
            if page.replica == replica and name in page.checks
        ]
        before = [well for since, _, well in said if since <= evidence.start]
        if not any(before):
            observed = f"{replica} did not call {name} well before the fault" if before else f"{replica} does not tell"
            return inconclusive(expected, observed, **place)
        for lie, event, begin, finish in (
            (True, "fault", evidence.there, evidence.undoing),
            (False, "undo", evidence.gone, evidence.last),
        ):
            # What was asked before the undo may be answered after it: a frozen dependency is waited for.
            heard = [(since, well) for since, until, well in said if begin <= since and until < finish]
            judged = [(since, well) for since, well in heard if since >= begin + within]
            right = _at_last(heard, well=not lie)
            if len(judged) < _TOLD_MIN and right:
                judged = right  # the watch ends soon after the undo, when all is well: it was told in time
            lies = [since for since, well in judged if well is lie]
            if not right and len(judged) < _TOLD_MIN:
                observed = f"{replica} was asked too seldom later than {duration(within)} after the {event}"
                remedy = "hold the fault longer, and watch it longer after the undo"
                verdicts.append(inconclusive(expected, observed, **place, remedy=remedy))
            elif lies:
                after = f"{duration(lies[0] - begin)} after the {event}"
                observed = f"{replica} called {name} {'well' if lie else 'not well'} {after}"
                observed += f" ({count(len(lies))} of {count(len(judged))} times)"
                verdicts.append(failed(expected, observed, **place))
            else:
                seen = f"{replica}: {'not well' if lie else 'well'} in {count(len(judged))} answers after the {event}"
                verdicts.append(passed(seen, where=place["where"]))
    return together(expected, verdicts, evidence)


def _at_last(heard: Sequence[tuple[float, bool]], *, well: bool) -> list[tuple[float, bool]]:
    """Give the last answers that all said the same."""
    return list(itertools.takewhile(lambda each: each[1] is well, reversed(heard)))


# -------------------------------------------------------------------------------------------------------------- figures


def judge_driven(evidence: Evidence, promise: Driven) -> Verdict:
    """There was enough traffic to judge by; never a FAIL."""
    expected = (
        f"at least {count(promise.requests_min)} requests of the background load, {share(promise.answered_share_min)}"
        " of those that were due with a known end, and as many of the probes sent"
    )
    if not evidence.experiment.load:
        return not_covered("this experiment has no background load", "name a profile of load.toml in its `load`")
    if blocked := keeps_from_judging(evidence, expected, bite=False):
        return blocked
    traffic, place = evidence.record.traffic, evidence.place
    done = min(traffic.planned, traffic.answered + traffic.failed)
    probes = evidence.timeline.of(Probed)
    unsent = sum(each.outcome == "unsent" for each in probes)
    least = promise.answered_share_min
    remedy = "give the runner more room: a machine of its own, a lower rate"
    if traffic.trouble:
        observed = f"the load does not count: {traffic.trouble}"
    elif done < promise.requests_min:
        observed = f"only {count(done)} requests of the load, {count(promise.requests_min)} are needed"
    elif is_more(traffic.planned - done, traffic.planned, 1 - least):
        observed = f"{count(done)} of {count(traffic.planned)} requests of the load have a known end"
    elif not probes or is_more(unsent, len(probes), 1 - least):
        observed = f"{count(unsent)} of {count(len(probes))} probes were not sent in time"
    else:
        observed = f"{count(done)} requests of the load in {duration(traffic.seconds)}, {count(len(probes))} probes"
        return passed(observed, where=place["where"])
    return inconclusive(expected, observed, **place, remedy=remedy)


def judge_figured(evidence: Evidence, promise: Figured) -> Verdict:  # noqa: PLR0911 - one for each way to end
    """The figures of the incident are told: time to detect, to mitigate, to recover, and what it cost."""
    limit = None
    if promise.detect_seconds_max is not None:
        limit = max(promise.detect_seconds_min, evidence.scaled(promise.detect_seconds_max))
    expected = "the figures of the incident are told"
    expected += f"; it is detected within {duration(limit)}" if limit is not None else ""
    if blocked := keeps_from_judging(evidence, expected, bite=False):
        return blocked
    place = evidence.place
    found = incident(evidence, ignored=promise.ignored)
    if not found.total:
        return inconclusive(expected, "no probe was sent while the fault was there", **place)
    observed = told(evidence, found)
    if limit is None:
        return passed(observed, where=place["where"])
    if found.effect is None:
        return inconclusive(expected, f"callers saw no effect: {observed}", **place)
    if found.detected is None:
        waited = min(evidence.undoing, evidence.last) - found.effect
        text = f"no alert told of it in {duration(max(0.0, waited))}: {observed}"
        return failed(expected, text, **place) if waited > limit else inconclusive(expected, text, **place)
    if found.detected - found.effect > limit:
        return failed(expected, observed, **place)
    return passed(observed, where=place["where"])


def told(evidence: Evidence, found: Incident) -> str:
    """Say the figures of an incident in one line."""
    parts = []
    if found.effect is not None:
        parts.append(f"callers saw it {evidence.after_fault(found.effect)}")
        if found.detected is not None:
            parts.append(f"detected {duration(max(0.0, found.detected - found.effect))} later by {found.detected_by}")
        if found.mitigated is not None:
            parts.append(f"mitigated {duration(max(0.0, found.mitigated - found.effect))} later (breaker open)")
    if found.recovered is not None:
        parts.append(f"recovered {evidence.after_undo(found.recovered)}")
    parts.append(f"{count(found.failed)} of {count(found.total)} probes failed")
    traffic = evidence.record.traffic
    if traffic.planned and not traffic.trouble:
        parts.append(f"{count(traffic.failed)} of {count(traffic.planned)} requests of the load failed")
    parts.append(f"longest outage {duration(found.outage_seconds)}")
    return ", ".join(parts)
