"""What judges judge: the record and the timeline of an experiment, and what keeps them from judging.

All moments are of the timeline's monotonic clock. Every judge of how the platform took a fault first asks
`keeps_from_judging`: where the fault was not made, did not bite, or was not watched, nothing can be said of that.
"""

from __future__ import annotations

import itertools
import statistics
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from chaos import timeline as times
from chaos.record import FOLDER
from chaos.timeline import Alerts, Figures, Page, Probed, Replica
from load.wording import count, duration, share
from selfcheck.verdict import Outcome, Verdict, combine, inconclusive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from chaos.plan import Experiment
    from chaos.promises import Bites
    from chaos.record import Record
    from chaos.timeline import Seen, Timeline

PROMETHEUS = "prometheus"
ALERTMANAGER = "alertmanager"
RECEIVER = "receiver"
FIGURES = "figures"
PAGES = "pages"
REPLICAS = "replicas"
"""Sources that a promise may need, besides the names of replicas."""

CLOCK_STEP_SECONDS_MAX = 2.0
"""The wall clock may drift so far from the monotonic one; more is a jump."""
BLIND_SHARE_MAX = 0.2
"""The part of the time that may be missing from a source that a promise needs."""
_GAP_SECONDS = 1.5
"""Two samples of a source that are no further apart than this, or a few of its usual steps, have no gap in between."""
SENT = frozenset({"ok", "failed", "wrong", "server_error", "timeout", "connection"})
"""Outcomes of probes that say something of the platform; the others are the runner's doing."""


@dataclass(frozen=True)
class Evidence:
    """One experiment: what was recorded and seen, its plan, and the promise that says how its fault shows.

    Without `bites` a fault bites when it was read back. `folder` is where record and timeline were saved.
    """

    record: Record
    timeline: Timeline
    experiment: Experiment
    bites: Bites | None = None
    folder: str = ""

    @cached_property
    def injecting(self) -> float | None:
        """When the first fault began to be made: nothing before it is of the fault."""
        return self.timeline.mark(times.INJECTING)

    @cached_property
    def injected(self) -> float | None:
        """When all faults were there, read back."""
        return self.timeline.mark(times.INJECTED)

    @cached_property
    def undone(self) -> float | None:
        """When all faults were gone, read back."""
        return self.timeline.mark(times.UNDONE)

    @cached_property
    def last(self) -> float:
        """When it was over: nothing was looked at after that."""
        sampled = (seen.since for seen in self.timeline.seen if not isinstance(seen, times.Mark))
        ended = self.timeline.mark(times.ENDED)
        # The look at the steady state that comes last may take a while, and nothing is sampled then.
        return min(max(sampled, default=0.0), float("inf") if ended is None else ended)

    @cached_property
    def undoing(self) -> float:
        """When the undo began; the end where it never did."""
        mark = self.timeline.mark(times.UNDOING)
        return self.last if mark is None else mark

    @property
    def start(self) -> float:
        """When the first fault began to be made; the end of the timeline where none was."""
        return self.last if self.injecting is None else self.injecting

    @property
    def there(self) -> float:
        """When all faults were there; the end of the timeline where they never were."""
        return self.last if self.injected is None else self.injected

    @property
    def gone(self) -> float:
        """When all faults were gone; the end of the timeline where that was not verified."""
        return self.last if self.undone is None else self.undone

    @property
    def held(self) -> float:
        """For how many seconds the fault was surely there."""
        return max(0.0, self.undoing - self.there)

    @cached_property
    def replicas(self) -> tuple[str, ...]:
        """The replicas that were looked at one by one."""
        seen = {sample.replica for sample in self.timeline.of(Replica)}
        seen |= {sample.replica for sample in self.timeline.of(Probed)} - {""}
        return tuple(dict.fromkeys((*self.record.replicas, *sorted(seen))))

    @property
    def place(self) -> dict[str, str]:
        """Where it was looked, and how to look again, as verdicts have it."""
        record = self.record
        folder = self.folder or f"<output>/{FOLDER}/{record.experiment}"
        return {
            "where": f"experiment {record.experiment} at {record.base_url}, run {record.run_id}",
            "reproduce": f"SELF_CHECK_BASE_URL={record.base_url} CHAOS_CONSENT={record.environment}"
            f" python -m pytest chaos -k {record.experiment}"
            f"  # the same timeline again: python -m chaos judge {folder}",
        }

    @property
    def bites_id(self) -> str:
        """Id of the promise that the fault bites."""
        return self.bites.id if self.bites is not None else f"chaos.{self.record.experiment}.bites"

    @property
    def undone_id(self) -> str:
        """Id of the promise that nothing is left of the fault, which also says why none was made."""
        return f"chaos.{self.record.experiment}.undone"

    def scaled(self, seconds: float) -> float:
        """Give a production timing in the timings of this environment."""
        return seconds / self.record.time_scale

    def after_fault(self, since: float) -> str:
        """Say how long after the fault a moment was."""
        return f"{duration(max(0.0, since - self.start))} after the fault"

    def after_undo(self, since: float) -> str:
        """Say how long after the undo a moment was."""
        return f"{duration(max(0.0, since - self.gone))} after the undo"

    @cached_property
    def not_biting(self) -> str:
        """Say why the fault did not bite; empty where it did."""
        unmade = [done for done in self.record.faults if done.injected is None or not done.proof]
        if unmade or not self.record.faults:
            why = f": {unmade[0].trouble}" if unmade and unmade[0].trouble else ""
            what = unmade[0].fault if unmade else "no fault"
            return f"{what} was {'not ' * bool(unmade)}read back where it was made{why}"
        return "" if self.bites is None else effect(self, self.bites)[1]


def end(probed: Probed) -> float:
    """Give when a probe had its answer."""
    return probed.since + probed.seconds


def sent(probes: Iterable[Probed]) -> list[Probed]:
    """Give the probes that say something of the platform."""
    return [each for each in probes if each.outcome in SENT]


def effect(evidence: Evidence, promise: Bites) -> tuple[str, str]:  # noqa: PLR0911 - one for each effect
    """Say how the fault showed through its probe, or (the second text) that it did not; one of the two is empty."""
    probe = evidence.experiment.probe
    before = sent(evidence.timeline.probes(probe, end=evidence.start))
    during = sent(evidence.timeline.probes(probe, start=evidence.start, end=evidence.undoing))
    during = [each for each in during if end(each) > evidence.start]
    if promise.effect == "none":
        return "it was read back", ""
    if not during:
        return "", f"nothing of the probe {probe} was seen while the fault was there"
    bad = [each for each in during if each.outcome != "ok"]
    if promise.effect == "slower":
        shown, not_shown = _slower(before, during, promise.slower_seconds)
        # What is refused because it was slow is not slow any more.
        if shown or not bad or any(each.outcome != "ok" for each in before):
            return shown, not_shown
    if promise.effect == "other":
        usual = {each.answered_by for each in before if each.outcome == "ok"}
        others = [each for each in during if each.outcome == "ok" and each.answered_by not in usual]
        if not usual:
            return "", f"nothing of the probe {probe} was answered before the fault"
        if others:
            return f"{others[0].answered_by} answered instead of {', '.join(sorted(usual))}", ""
        return "", f"{', '.join(sorted(usual))} answered as before"
    if not bad:
        return "", f"all {count(len(during))} requests of the probe {probe} were answered as before"
    return f"{count(len(bad))} of {count(len(during))} requests of the probe {probe} failed", ""


def _slower(before: Sequence[Probed], during: Sequence[Probed], least: float) -> tuple[str, str]:
    if not before:
        return "", "nothing was measured before the fault"
    usual, now = (statistics.median(each.seconds for each in some) for some in (before, during))
    text = f"the median was {duration(usual)} before and {duration(now)} while the fault was there"
    return (text, "") if now - usual >= least and now > usual else ("", text)


# ------------------------------------------------------------------------------------------------------- what keeps


def clock_step(timeline: Timeline) -> float:
    """Say how far the wall clock jumped against the monotonic one, in either direction, in seconds."""
    offsets = [seen.at - seen.since for seen in timeline.seen]
    return max(offsets) - min(offsets) if offsets else 0.0


def samples_of(evidence: Evidence, source: str) -> list[float]:
    """Give when a source was read: one of the constants above, or the name of a replica."""
    kinds: dict[str, tuple[type[Seen], Callable[[Seen], bool]]] = {
        PROMETHEUS: (Alerts, lambda seen: isinstance(seen, Alerts) and seen.source == PROMETHEUS),
        ALERTMANAGER: (Alerts, lambda seen: isinstance(seen, Alerts) and seen.source == ALERTMANAGER),
        FIGURES: (Figures, lambda _: True),
        PAGES: (Page, lambda _: True),
    }
    kind, fits = kinds.get(source, (Replica, lambda seen: isinstance(seen, Replica) and seen.replica == source))
    return [seen.since for seen in evidence.timeline.of(kind) if fits(seen)]


def gaps(moments: Sequence[float], begin: float, finish: float) -> list[tuple[float, float]]:
    """Give the stretches without a sample, (from, until), that are much longer than the usual step."""
    inside = [moment for moment in moments if begin <= moment <= finish]
    steps = [later - earlier for earlier, later in itertools.pairwise(inside)]
    usual = max(_GAP_SECONDS, 4 * statistics.median(steps)) if steps else _GAP_SECONDS
    edges = [begin, *inside, finish]
    return [(one, other) for one, other in itertools.pairwise(edges) if other - one > usual]


def blind(evidence: Evidence, source: str, begin: float, finish: float) -> str:
    """Say that a source was not read for too great a part of a time; empty when it was.

    A source that the fault takes away is not expected to be there until the undo.
    """
    away = {"figures": PROMETHEUS}.get(source, source)
    if away in evidence.experiment.stops_watching:
        begin = max(begin, evidence.gone)
    moments = samples_of(evidence, source)
    if not any(begin <= moment <= finish for moment in moments):
        return f"{source}: it was never read in this time{_trouble(evidence, source)}"
    missing = sum(other - one for one, other in gaps(moments, begin, finish))
    if missing <= BLIND_SHARE_MAX * max(finish - begin, _GAP_SECONDS):
        return ""
    part = share(missing / (finish - begin))
    return f"{source}: it was not read for {duration(missing)} ({part} of the time){_trouble(evidence, source)}"


def _trouble(evidence: Evidence, source: str) -> str:
    texts = [seen.text for seen in evidence.timeline.of(times.Trouble) if seen.source == source]
    return f": {texts[0]}" if texts else ""


def keeps_from_judging(  # noqa: PLR0911 - one for each reason
    evidence: Evidence, expected: str, *, sources: Sequence[str] = (), bite: bool = True
) -> Verdict | None:
    """Say why nothing can be said of how the platform took the fault; None when something can.

    `sources` must have been read from the fault to the end (`replicas` stands for each of them). `bite` is left out by
    judges to whom it does not matter whether the fault bit.
    """
    record, place = evidence.record, evidence.place
    if record.refused:
        # Said once, by whoever judges the undo.
        return inconclusive(expected, f"nothing was injected: {record.refused}", **place, blocked_by=evidence.undone_id)
    if evidence.injecting is None or evidence.injected is None:
        observed = f"it ended before the fault was there{f': {record.stopped_by}' * bool(record.stopped_by)}"
        if evidence.injecting is not None and evidence.not_biting:
            return inconclusive(expected, evidence.not_biting, **place, blocked_by=evidence.bites_id)
        return inconclusive(expected, observed, **place, remedy="let the experiment run to its end")
    step = clock_step(evidence.timeline)
    if step > CLOCK_STEP_SECONDS_MAX:
        observed = f"the clock of this machine jumped by {duration(step)} during the experiment"
        return inconclusive(expected, observed, **place, remedy="stop what sets the clock")
    if bite and evidence.not_biting:
        observed = f"the fault did not bite: {evidence.not_biting}"
        return inconclusive(expected, observed, **place, blocked_by=evidence.bites_id)
    named = [name for source in sources for name in (evidence.replicas if source == REPLICAS else (source,))]
    if REPLICAS in sources and not evidence.replicas:
        return inconclusive(expected, "no replica was looked at by itself", **place)
    for source in named:
        if text := blind(evidence, source, evidence.start, evidence.last):
            return inconclusive(expected, text, **place, remedy="watch it without a break")
    return None


def finished(evidence: Evidence, expected: str, verdict: Verdict) -> Verdict:
    """Give the verdict on what must hold all the time: where the fault was broken off, a PASS is INCONCLUSIVE."""
    stopped = evidence.record.stopped_by
    if not stopped or verdict.outcome is not Outcome.PASS:
        return verdict
    observed = f"kept until it was broken off {duration(evidence.held)} after the fault ({stopped}): {verdict.observed}"
    return inconclusive(expected, observed, **evidence.place).with_notes(*verdict.notes)


def together(expected: str, verdicts: Sequence[Verdict], evidence: Evidence) -> Verdict:
    """Combine verdicts about parts of one promise; a PASS says what was seen of each part."""
    if not verdicts:
        return inconclusive(expected, "there is nothing to judge", **evidence.place)
    verdict = combine(verdicts)
    if verdict.outcome is not Outcome.PASS:
        return verdict
    seen = dict.fromkeys(each.observed for each in verdicts if each.outcome is Outcome.PASS)
    return replace(verdict, observed="; ".join(seen), expected=expected, reproduce="")
