"""Causal counting: send N requests, and see whether exactly the promised series grew by exactly what was promised.

One mechanism for all areas: read all processes, act, read all again, and compare per label set. Promises that concern
disjoint families share a reading. Other traffic on the platform can only add to a difference, so a difference that is
too small is a broken promise at once; one that is too large is tried again, and set against a control window in which
nothing was sent.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from selfcheck.answering import breach, describe_answer
from selfcheck.contract import Act, ActName, Model, Promise, Right
from selfcheck.observation import CouldNotObserve
from selfcheck.values import dig, shown
from selfcheck.verdict import Verdict, failed, inconclusive, not_covered, passed

if TYPE_CHECKING:
    from selfcheck.clients.http import Answer
    from selfcheck.exposition import Sample
    from selfcheck.replicas import Snapshot

_RATE_LIMITED = 429
_REFUSALS = (401, 403)
_CHANCE_OF_A_FALSE_ALARM = 1e-5
_CHANCE_OF_A_MISS = 1e-3
_SHORT_SECONDS = 0.01
_EVENTS_MAX = 10_000
_PLACEHOLDER = re.compile(r"\{body\.([^}]+)\}")


class Move(Model):
    """Counters that grow: by `by` for each request, in the series whose labels match, on all processes together.

    A label value `{body.provider}` stands for that field of each answer. Several samples are added up. With `alone`, no
    other series of the same samples may grow.
    """

    sample: str = ""
    samples: tuple[str, ...] = ()
    labels: Mapping[str, str] = Field(default_factory=dict)
    by: int = Field(1, ge=1)
    alone: bool = True

    @model_validator(mode="after")
    def _one_or_several(self) -> Move:
        if bool(self.sample) == bool(self.samples):
            message = "give either `sample` or `samples`"
            raise ValueError(message)
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The sample names, however they were given."""
        return self.samples or (self.sample,)

    def __str__(self) -> str:
        labels = ", ".join(f'{name}="{value}"' for name, value in self.labels.items())
        return " or ".join(self.names) + (f"{{{labels}}}" if labels else "")


class Counting(Promise):
    """What the counters do when an act is sent `times` times."""

    right: Right = Right.SYNTHETIC
    act: ActName
    after: ActName | None = Field(None, description="Act sent once before, whose effects do not count.")
    times: int = Field(3, ge=1, le=20)
    moves: tuple[Move, ...] = ()
    one_or_more_of: tuple[Move, ...] = Field((), description="At least one of these grows as promised, none wrongly.")
    still: tuple[str, ...] = Field((), description="Sample names that do not grow.")
    never: tuple[Move, ...] = Field((), description="Series that do not grow, while others of the sample may.")
    free: tuple[str, ...] = Field(
        (), description="Sample names that may grow: others are not judged by them meanwhile."
    )
    duration: str | None = Field(None, description="Histogram family in seconds that must agree with the time seen.")
    claimed_milliseconds: str | None = Field(None, description="Path in the answer to the time it says it took.")

    @property
    def samples(self) -> frozenset[str]:
        """Every sample name that the promise speaks of."""
        names = {name for move in (*self.moves, *self.one_or_more_of, *self.never) for name in move.names}
        names |= {*self.still, *self.free}
        return frozenset(names | ({f"{self.duration}_sum", f"{self.duration}_count"} if self.duration else set()))


@dataclass(frozen=True, slots=True)
class Window:
    """What happened between two readings: the answers, and how far each series grew on all processes together."""

    answers: tuple[Answer | CouldNotObserve, ...]
    grown: Mapping[str, Mapping[tuple[tuple[str, str], ...], float]]
    seconds: float
    trouble: str = ""
    processes: int = 1
    beside: tuple[Beside, ...] = ()


@dataclass(frozen=True, slots=True)
class Beside:
    """Another promise that was tried in the same window: what it is to move, and the answers that it got."""

    moves: tuple[Move, ...]
    answers: tuple[Answer | CouldNotObserve, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All windows in which a promise was tried, and the control windows in which nothing was sent."""

    windows: tuple[Window, ...]
    controls: tuple[Window, ...] = field(default=())


def growth(before: Snapshot, after: Snapshot, samples: Iterable[str]) -> tuple[dict[str, Any], str]:
    """Add up how far each series of the named samples grew between two snapshots.

    Gives also what makes the comparison worthless, if anything does: a process that is gone, new or restarted.
    """
    trouble = ""
    if before.missing or after.missing:
        trouble = f"could not read {', '.join(sorted({*before.missing, *after.missing}))}"
    elif set(before.scrapes) != set(after.scrapes):
        changed = set(before.scrapes) ^ set(after.scrapes)
        trouble = f"the answering processes changed meanwhile ({', '.join(sorted(changed))})"
    total: dict[str, dict[tuple[tuple[str, str], ...], float]] = {name: {} for name in samples}
    for name in set(before.scrapes) & set(after.scrapes):
        old, new = before.scrapes[name], after.scrapes[name]
        if old.identity != new.identity:
            trouble = f"{name or 'the process'} was restarted meanwhile"
            continue
        if old.identity is None and not before.direct:
            trouble = "the metrics page does not tell which process answers"
            continue
        for sample, grown in total.items():
            earlier = {_labels(found): found.value for found in old.exposition.series(sample)}
            for found in new.exposition.series(sample):
                key = _labels(found)
                # A series that is new was born at zero: its whole value is growth.
                step = found.value - earlier.get(key, 0.0)
                if step < 0 and old.identity is None:
                    trouble = f"{sample} went down: {name or 'the process'} was restarted meanwhile"
                if step:
                    grown[key] = grown.get(key, 0.0) + step
    return total, trouble


def _labels(sample: Sample) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(sample.labels.items()))


def in_windows(promises: Sequence[Counting], *, by_labels: bool = False) -> list[list[Counting]]:
    """Distribute promises over as few windows as possible, so that no two in one window speak of the same sample.

    With `by_labels` they may, if it is of series that differ in the value of a label. What then grows wrongly cannot
    be put down to one of them: they have to be tried again apart.
    """
    windows: list[list[Counting]] = []
    for promise in promises:
        for members in windows:
            if not any(_meet(promise, other, by_labels=by_labels) for other in members):
                members.append(promise)
                break
        else:
            windows.append([promise])
    return windows


def _meet(one: Counting, other: Counting, *, by_labels: bool) -> bool:
    """Tell whether two promises speak of the same series, or may."""
    common = one.samples & other.samples
    if not by_labels:
        return bool(common)
    # That two promises both forbid what did not happen is no conflict.
    return any(
        (left.grows or right.grows) and not _apart(left.labels, right.labels)
        for sample in common
        for left in _claims(one, sample)
        for right in _claims(other, sample)
    )


@dataclass(frozen=True, slots=True)
class _Claim:
    """The series of a sample that a promise speaks of (None: any), and whether it wants them to grow."""

    labels: Mapping[str, str] | None
    grows: bool


def _claims(promise: Counting, sample: str) -> list[_Claim]:
    found = [
        # What an answer fills in is known afterwards.
        _Claim(None if any(map(_PLACEHOLDER.search, move.labels.values())) else move.labels, grows)
        for moves, grows in (((*promise.moves, *promise.one_or_more_of), True), (promise.never, False))
        for move in moves
        if sample in move.names
    ]
    found += [_Claim(None, grows=False)] * (sample in promise.still)
    return found or [_Claim(None, grows=True)]  # the duration's, or what is free to grow


def _apart(left: Mapping[str, str] | None, right: Mapping[str, str] | None) -> bool:
    """Tell whether no series can have both labels."""
    if left is None or right is None:
        return False
    return any(left[name] != right[name] for name in left.keys() & right.keys())


def says_nothing_yet(promise: Counting, window: Window) -> bool:
    """Tell whether a window must be tried again.

    That is when a process could not be read, or when something grew further than the acts explain: other traffic, or a
    defect.
    """
    return bool(window.trouble) or any(excess > 0 for excess in _excesses(promise, window).values())


def judge(promise: Counting, act: Act, evidence: Evidence, *, where: str, reproduce: str) -> Verdict:
    """Judge the windows: right once is right; too little is wrong; always too much is set against the controls."""
    expected = _describe(promise, act)
    place = {"where": where, "reproduce": reproduce}
    unanswered = _judge_answers(act, evidence, expected, place)
    if unanswered is not None:
        return unanswered
    sound = [window for window in evidence.windows if not window.trouble]
    if not sound:
        return inconclusive(expected, evidence.windows[-1].trouble, **place)
    short = next(filter(None, (too_little(promise, window) for window in sound)), "")
    if short:
        return failed(expected, short, **place)
    exact = [window for window in sound if not any(excess > 0 for excess in _excesses(promise, window).values())]
    if exact:
        duration = _wrong_duration(promise, act, exact[-1])
        if duration is not None:
            return failed(*duration, **place)
        return passed(f"{len(exact[-1].answers)} requests counted on {exact[-1].processes} process(es)", where=where)
    return _judge_excess(promise, sound, evidence.controls, expected, place)


def _judge_answers(act: Act, evidence: Evidence, expected: str, place: Mapping[str, str]) -> Verdict | None:
    """Say what keeps the counters from being judged: a wrong answer, or none; None when each is as it should be."""
    answers = [answer for window in evidence.windows for answer in window.answers]
    if not answers:
        return inconclusive(expected, "nothing was sent", where=place["where"])
    for answer in answers:
        if isinstance(answer, CouldNotObserve):
            continue
        wrong = breach(act, answer)
        if answer.status == _RATE_LIMITED and _RATE_LIMITED not in act.expect.statuses:
            remedy = "repeat when this client's allowance is free again"
            return inconclusive(expected, f"{wrong}: too many requests of late", remedy=remedy, **place)
        if wrong:
            return failed(f"{act.name} answers {describe_answer(act)}", wrong, **place)
    lost = next((answer for answer in answers if isinstance(answer, CouldNotObserve)), None)
    return None if lost is None else inconclusive(expected, lost.sentence, **place)


def _judge_excess(
    promise: Counting,
    sound: list[Window],
    controls: Sequence[Window],
    expected: str,
    place: Mapping[str, str],
) -> Verdict:
    """Set what was too much in every try against the other traffic that the controls show.

    Other traffic is taken to arrive at random at the rate of the controls, one event more than was seen. When it would
    almost never explain the excess of all tries together, our own requests are what was counted too often.
    """
    usable = [window for window in controls if not window.trouble]
    idle_seconds = sum(window.seconds for window in usable)
    excesses = [_excesses(promise, window) for window in sound]
    rates = {
        name: (sum(_excesses(promise, window)[name] for window in usable) + 1.0) / max(idle_seconds, _SHORT_SECONDS)
        for name in excesses[0]
    }
    chances = {
        name: math.prod(
            _chance_of_at_least(found[name], rate * window.seconds)
            for found, window in zip(excesses, sound, strict=True)
        )
        for name, rate in rates.items()
    }
    name, chance = min(chances.items(), key=lambda item: item[1])
    if usable and chance > _CHANCE_OF_A_FALSE_ALARM and _only_other_traffic(promise, sound, excesses, rates):
        sent = sum(len(window.answers) for window in sound)
        return passed(f"{sent} requests counted, among other traffic ({rates[name]:.1f}/s)", where=place["where"])
    if not usable or chance > _CHANCE_OF_A_FALSE_ALARM:
        what = name.partition("{")[0]
        return not_covered(
            f"other traffic moves {what} ({rates[name]:.1f}/s), so that our requests cannot be told apart",
            "repeat in a quieter moment, or against staging",
        )
    moves = {str(move): move for move in (*promise.moves, *promise.one_or_more_of, *promise.never)}
    grown = _what_grew(moves.get(name, Move(sample=name)), sound[-1])
    least = min(found[name] for found in excesses)
    return failed(
        expected,
        f"{name} grew by at least {least:g} too much in each of {len(sound)} tries, far more than without our "
        f"requests: {grown}",
        **place,
    )


def _only_other_traffic(
    promise: Counting, sound: Sequence[Window], excesses: Sequence[Mapping[str, float]], rates: Mapping[str, float]
) -> bool:
    """Tell whether our requests were surely counted, and surely not more than once, in spite of other traffic.

    Not more than once: in some try, less was too much than a second count of each request would have been. Counted at
    all: other traffic alone would hardly have grown the promised series so far in every try.
    """
    once = all(
        any(found[name] < len(window.answers) for found, window in zip(excesses, sound, strict=True)) for name in rates
    )
    moves = promise.moves or promise.one_or_more_of
    if not moves:
        return once  # nothing is to be counted
    unnoticed = max(
        math.prod(_chance_of_at_least(len(window.answers), rates[str(move)] * window.seconds) for window in sound)
        for move in moves
    )
    return once and unnoticed < _CHANCE_OF_A_MISS


def _chance_of_at_least(count: float, mean: float) -> float:
    """Give the chance of at least so many events when they arrive at random (Poisson), so many on average.

    A count that is no number, or none that can be counted up to, is taken for the most that makes sense.
    """
    if math.isnan(count) or not mean > 0:
        return 1.0
    counted = math.ceil(min(count, _EVENTS_MAX))
    below = sum(math.exp(-mean + k * math.log(mean) - math.lgamma(k + 1)) for k in range(counted))
    return max(0.0, 1.0 - below)


def _excesses(promise: Counting, window: Window) -> dict[str, float]:
    """Say how much further than promised counters grew: in the promised series, or in others where they must not."""
    found: dict[str, float] = {}
    for move in (*promise.moves, *promise.one_or_more_of):
        series = _by_labels(move, window)
        beyond = sum(max(0.0, grown - wanted) for grown, wanted in series)
        elsewhere = _total(move, window) - sum(grown for grown, _ in series) if move.alone else 0.0
        found[str(move)] = beyond + max(0.0, elsewhere - _due_beside(move, window))
    for move in promise.never:
        found[str(move)] = sum(grown for grown, _ in _by_labels(move, window))
    for name in promise.still:
        found[name] = sum(window.grown.get(name, {}).values())
    return found


def _due_beside(move: Move, window: Window) -> float:
    """Say how much of the growth of a move's samples others in the window have to account for."""
    return sum(
        min(grown, wanted)
        for beside in window.beside
        for theirs in beside.moves
        if set(theirs.names) == set(move.names)
        for grown, wanted in _by_labels(theirs, replace(window, answers=beside.answers))
    )


def too_little(promise: Counting, window: Window) -> str:
    """Say which promised series grew less than promised; empty when none did."""
    for move in promise.moves:
        if not _kept(move, window):
            return _short(move, window)
    kept = [_kept(move, window) for move in promise.one_or_more_of]
    if kept and not any(kept):
        return "; ".join(_short(move, window) for move in promise.one_or_more_of)
    return ""


def _kept(move: Move, window: Window) -> bool:
    # Asked in this way round, a counter that became NaN has not grown as promised.
    return all(grown >= wanted for grown, wanted in _by_labels(move, window))


def _short(move: Move, window: Window) -> str:
    values = _resolved(move, window)
    labels = {
        name: "|".join(sorted({dict(found)[name] for found in values})) or value for name, value in move.labels.items()
    }
    grown = " and ".join(f"{grown:g}" for grown, _ in _by_labels(move, window))
    wanted = " and ".join(f"{wanted}" for _, wanted in _by_labels(move, window))
    instead = _what_grew(move, window) or "no series of it grew"
    return (
        f"{move.model_copy(update={'labels': labels})} grew by {grown} for {len(window.answers)} requests, "
        f"not {wanted}: {instead}"
    )


def _what_grew(move: Move, window: Window) -> str:
    grown = [(name, key, step) for name in move.names for key, step in window.grown.get(name, {}).items()]
    return ", ".join(
        f"{name}{{{', '.join(f'{label}={value!r}' for label, value in key)}}} {step:+g}"
        for name, key, step in grown[:3]
    )


def _by_labels(move: Move, window: Window) -> list[tuple[float, int]]:
    """Give, for each set of labels that the answers call for, how far its series grew and how far they should have."""
    return [
        (
            sum(
                step
                for name in move.names
                for key, step in window.grown.get(name, {}).items()
                if set(labels) <= set(key)
            ),
            move.by * count,
        )
        for labels, count in _resolved(move, window).items()
    ]


def _total(move: Move, window: Window) -> float:
    return sum(step for name in move.names for step in window.grown.get(name, {}).values())


def _resolved(move: Move, window: Window) -> Counter[tuple[tuple[str, str], ...]]:
    """Give the labels that the answers call for, and how many answers call for them.

    Without answers (in a control window) it is the labels as they stand, which match only where nothing is filled in.
    """
    if not window.answers:
        return Counter({tuple(move.labels.items()): 0})
    return Counter(
        tuple((name, _filled(value, answer)) for name, value in move.labels.items()) for answer in window.answers
    )


def _filled(value: str, answer: Answer | CouldNotObserve) -> str:
    match = _PLACEHOLDER.fullmatch(value)
    if match is None or isinstance(answer, CouldNotObserve):
        return value
    try:
        found = dig(answer.json(), match.group(1))
    except CouldNotObserve:
        return value
    return found if isinstance(found, str) else shown(found)


def refused(evidence: Evidence) -> bool:
    """Tell whether an answer refuses the caller, for want of a credential or for a wrong one."""
    answers = [answer for window in evidence.windows for answer in window.answers]
    return any(not isinstance(answer, CouldNotObserve) and answer.status in _REFUSALS for answer in answers)


def _describe(promise: Counting, act: Act) -> str:
    parts = [f"{move} +{move.by} a request" for move in promise.moves]
    if promise.one_or_more_of:
        parts.append(" or ".join(f"{move} +{move.by} a request" for move in promise.one_or_more_of))
    parts += [f"{name} +0" for name in (*promise.still, *map(str, promise.never))]
    return f"{act.name}: " + ", ".join(parts)


def _wrong_duration(promise: Counting, act: Act, window: Window) -> tuple[str, str] | None:
    """Compare the histogram's seconds with the time that the requests took as seen from here.

    The platform cannot have worked longer on a request than the caller waited, so a sum beyond that is in another unit;
    and where it says itself how long it worked, one of the two that is fifty times smaller is in another unit too
    (units differ by 60 or 1,000). Of a few milliseconds that a claim leaves out much may be overhead: there it must be
    three hundred times smaller, and not a whole number, which may be a rounded one.
    """
    if promise.duration is None:
        return None
    seconds = sum(window.grown.get(f"{promise.duration}_sum", {}).values())
    answers = [answer for answer in window.answers if not isinstance(answer, CouldNotObserve)]
    seen = sum(answer.elapsed_seconds for answer in answers)
    tolerance = 0.05 + 0.1 * seen
    if seconds > seen + tolerance:
        return (
            f"{promise.duration} grows by at most the {seen:.3f} s that {len(answers)} x {act.name} took",
            f"its sum grew by {seconds:.3f}: not seconds, or observed more than once",
        )
    if promise.claimed_milliseconds is None:
        return (
            None if seconds > 0 else (f"{promise.duration}: a sum that grows with the work", f"it grew by {seconds:g}")
        )
    told = [dig(answer.json(), promise.claimed_milliseconds) for answer in answers]
    claimed = sum(value for value in told if isinstance(value, int | float)) / 1000.0
    exact = all(isinstance(value, float) and not value.is_integer() for value in told)
    if claimed <= seen + tolerance and _of_another_unit(seconds, claimed, exact=exact):
        return (
            f"{promise.duration} in seconds, near the {claimed:.3f} s that the answers claim",
            f"its sum grew by {seconds:.6f}: not seconds",
        )
    if claimed > 0 and _of_another_unit(claimed, seconds, exact=exact):
        return (
            f"{promise.claimed_milliseconds} in milliseconds, near the {seconds:.3f} s that {promise.duration} grew by",
            f"the answers claim {1000 * claimed:.3f} all together: not milliseconds",
        )
    return None


def _of_another_unit(one: float, other: float, *, exact: bool) -> bool:
    """Tell whether a time is too small for being the same as another one in the same unit."""
    return (other >= 0.02 and one < other / 50) or (exact and other >= 0.002 and one < other / 300)
