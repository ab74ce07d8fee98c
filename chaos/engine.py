"""The order of an experiment, in one place.

Guard, steady state, ledger entry, inject, prove the fault, observe, undo, verify the undo, recovery within its limit,
steady state again, nothing left over, report. Whatever happens in between, the undo is done, verified and written down;
should this process not live to do it, the reaper does it by the ledger.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chaos import plan, record, timeline
from chaos.faults import NotMadeError, NotThere, NotUndoneError, prepare
from chaos.guard import unsteady
from chaos.keeper import Keeper, KeeperError
from chaos.lease import lost
from chaos.ledger import LedgerError
from chaos.loading import Background, background
from chaos.record import Done, Look, Record, Repeated
from chaos.sampling import Sampler
from chaos.settling import Settling
from chaos.stopping import Watchdog
from selfcheck import corpus
from selfcheck.answering import breach
from selfcheck.clients.platform import Sending
from selfcheck.contract import ContractError
from selfcheck.observation import CouldNotObserve, RefusedError
from selfcheck.verdict import Outcome
from selfcheck.waiting import GaveUp, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from chaos.hands import Hands
    from chaos.ledger import LedgerRecord
    from chaos.live import View
    from chaos.plan import Experiment, Fault, Repeat
    from chaos.surroundings import Surroundings
    from selfcheck.clients.http import Answer
    from selfcheck.target import Target

_LOOK_SECONDS = 0.2
_SETTLE_SECONDS = 20.0
"""How long a platform may take to be well under the experiment's own load, before the fault."""
_MEANWHILE_SECONDS = 25.0
"""How long a look may take that is made while the fault is there."""
_LOAD_START_SECONDS = 30.0
_UNDO_SLACK_SECONDS = 30.0
"""The reaper undoes a fault that is there so much longer than it should be."""


@dataclass(slots=True)
class _Made:
    """A fault that was made, with its record in the ledger; `number` is its place in the report."""

    number: int
    ledger: LedgerRecord
    until: float
    """Until when it stays, from when all are made."""
    is_ours: bool = True
    """Whether the reaper has no business with it: false once its undo has begun."""


@dataclass(slots=True)
class Course:
    """One experiment on its way: what was done until now."""

    target: Target
    experiment: Experiment
    hands: Hands
    folder: Path
    view: View
    surroundings: Surroundings
    writer: timeline.Writer = field(init=False)
    done: list[Done] = field(default_factory=list)
    made: list[_Made] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.writer = timeline.Writer(self.folder / record.TIMELINE_FILE)

    # -- steps -------------------------------------------------------------------------------------------------------

    def run(self) -> Record:
        """Do the experiment; gives its record. An interruption passes through once all is undone and written down."""
        began = dt.datetime.now(dt.UTC)
        found = Record(
            run_id=self.target.platform.run_id,
            experiment=self.experiment.name,
            environment=self.target.scope.name,
            base_url=self.target.scope.base_url,
            started_at=began.isoformat(timespec="milliseconds"),
            started_unix_seconds=began.timestamp(),
            time_scale=self._scale,
        )
        try:
            self._mark(timeline.STARTED)
            self.view.step("steady state", "the promises of the gate that this rests on")
            before = self.surroundings.look()
            found = found.model_copy(update={"before": before.looks, "stored_before": before.stored, **before.facts})
            refused = [*unsteady(before.looks), *before.conditions]
            if refused:
                return self._written(found.model_copy(update={"refused": "; ".join(refused)}))
            try:
                self._middle(before.limits)
            except (CouldNotObserve, ContractError, RefusedError, NotThere, LedgerError, KeeperError) as error:
                # Nothing was made, or all is undone.
                self.facts["refused"] = str(error)
            except NotUndoneError as error:
                self.facts["stopped_by"] = str(error)
            found = found.model_copy(update=self.facts)
            self.view.step("steady again")
            replicas = self.facts.get("replicas", ())
            after = self.surroundings.look(
                after=self.surroundings.awaited(before.stored, self.writer.timeline(), replicas)
            )
            found = found.model_copy(
                update={"after": after.looks, "stored_after": after.stored, "stored_meanwhile": after.meanwhile}
            )
            return self._written(found)
        except BaseException as error:
            self.facts.setdefault("stopped_by", f"interrupted: {type(error).__name__}")
            self._written(found.model_copy(update=self.facts))
            raise
        finally:
            self.writer.close()

    def _written(self, found: Record) -> Record:
        self._mark(timeline.ENDED)
        complete = found.model_copy(
            update={
                "faults": tuple(self.done),
                "leftovers": tuple(self.surroundings.leftovers()) if self.done else (),
            }
        )
        record.write(complete, self.folder / record.RECORD_FILE)
        return complete

    def _middle(self, limits: dict[str, float]) -> None:
        """Do what stands between the two looks at the steady state; whatever it raises, all is undone then."""
        faults = [_resolved(fault, limits) for fault in self.experiment.faults]
        with contextlib.ExitStack() as watching:
            load = watching.enter_context(self._loaded())
            sampler = watching.enter_context(Sampler(self.target, self.experiment, self.writer))
            self.facts["replicas"] = tuple(sampler.replicas)
            self.view.step("load")
            load.await_started(_LOAD_START_SECONDS)
            settings = self.target.scope.settings
            with Keeper(settings.chaos_ledger, self.hands, run_id=self.target.platform.run_id) as keeper:
                also = (lambda: sampler.broken, lambda: self._taken_over(keeper), lambda: lost(self.target))
                dog = watching.enter_context(
                    Watchdog(self.target, self.experiment, self.writer, loaded=load.expected, also=also)
                )
                settling = Settling(self.target, self.experiment, tuple(sampler.replicas))
                if trouble := self._unsettled(settling, dog):
                    self.facts["refused"] = (
                        f"before the fault, with the load and the probes of the experiment: {trouble}"
                    )
                    return
                keeper.ready()
                try:
                    if not dog.reason:
                        self._inject(faults, keeper, dog)
                        self._hold(keeper, dog)
                finally:
                    if dog.reason:
                        self.facts["stopped_by"] = dog.reason
                    self._undo(keeper)
            self._recover(settling)

    def _unsettled(self, settling: Settling, dog: Watchdog) -> str:
        """Wait until all is well under the experiment's own load; says what is not, where that does not come."""
        begun, trouble = self._now, ""

        def settled() -> bool:
            nonlocal trouble
            seen = self.writer.timeline()
            self.view.update(seen)
            trouble = dog.reason or settling.trouble(seen, begun)
            return not trouble or dog.wait(0)

        with contextlib.suppress(GaveUp):
            wait_until(settled, timeout_seconds=_SETTLE_SECONDS, what="all to be well", interval_seconds=_LOOK_SECONDS)
        return trouble

    @contextlib.contextmanager
    def _loaded(self) -> Iterator[Background]:
        """Load the target meanwhile, and keep what became of it."""
        with background(self.target, self.experiment.load, self.folder, self.writer) as load:
            yield load
        self.facts["traffic"] = load.traffic

    def _taken_over(self, keeper: Keeper) -> str:
        """Say whether the reaper has undone a fault in our place."""
        if all(not made.is_ours or keeper.still_ours(made.ledger) for made in tuple(self.made)):
            return ""
        return "the reaper has undone a fault: this process showed no sign of life for too long"

    def _inject(self, faults: Sequence[Fault], keeper: Keeper, dog: Watchdog) -> None:
        levers = plan.levers(self.target.contract)
        self._mark(timeline.INJECTING)
        for number, fault in enumerate(faults):
            self.view.step("fault", fault.text)
            lever = levers[fault.lever]
            prepared = prepare(fault, lever, self.hands, self.target.platform.run_id)
            self.done.append(Done(fault=fault.text, target=prepared.target, undo=prepared.undo_text))
            hold_seconds = fault.lasts * self.experiment.hold(self._scale)
            # Its time begins when all are made, and each of the others may take a while.
            slack_seconds = _UNDO_SLACK_SECONDS * len(faults) + _MEANWHILE_SECONDS * bool(self.surroundings.holds)
            kept = keeper.note(prepared, self.experiment.name, hold_seconds + slack_seconds)
            self.made.append(_Made(number, kept, hold_seconds))
            try:
                prepared.inject()
                self._say(number, injected=self._now, proof=prepared.prove())
            except (CouldNotObserve, NotMadeError) as error:
                self._say(number, trouble=str(error))
                return
            # Where this process was stopped in between, nobody may watch any more what was made now.
            if dog.wait(0) or not keeper.still_ours(kept):
                return
        self._mark(timeline.INJECTED)
        for made in self.made:
            made.until += self._now

    def _hold(self, keeper: Keeper, dog: Watchdog) -> None:
        """Let the faults stay for their time; what ends before the others is undone in between."""
        if any(done.trouble for done in self.done):
            return
        if self.experiment.reset is not None or self.experiment.repeats or self.surroundings.holds:
            self._watch(self.experiment.hold(self._scale) / 2, dog)
        if self.experiment.reset is not None:
            self._reset(self.experiment.reset)
        self.facts["repeated_during"] = self._repeated([each.during for each in self.experiment.repeats])
        if self.surroundings.holds:
            self._look_meanwhile(dog)
        while self.made and not dog.wait(0):
            until = min(made.until for made in self.made)
            self._watch(until - self._now, dog)
            if dog.wait(0) or len(self.made) == 1:
                return
            due = [made for made in self.made if made.until <= self._now]
            if len(due) == len(self.made):
                return
            for made in reversed(due):
                self._undo_one(keeper, made)

    def _look_meanwhile(self, dog: Watchdog) -> None:
        """Look at what is promised to hold while the fault is there; it stays until that is over, within bounds.

        A stop condition does not wait for it: then nothing is known of what was looked at.
        """
        self.view.step("gate", "what is promised to hold meanwhile")
        found: list[Look] = []

        def look() -> None:
            try:
                found.extend(self.surroundings.look_during())
            except Exception as error:  # noqa: BLE001 - a thread has nobody else to tell
                observed = f"{type(error).__name__}: {error}"
                found.append(Look(id="platform.app", outcome=str(Outcome.INCONCLUSIVE), observed=observed))

        looking = threading.Thread(target=look, name="chaos: looks meanwhile", daemon=True)
        looking.start()

        def over() -> bool:
            self.view.update(self.writer.timeline())
            return not looking.is_alive() or dog.wait(0)

        with contextlib.suppress(GaveUp):
            wait_until(over, timeout_seconds=_MEANWHILE_SECONDS, what="the look", interval_seconds=_LOOK_SECONDS)
        if not looking.is_alive():
            self.facts["during"] = tuple(found)

    def _reset(self, name: str) -> None:
        """Ask for the reset of the experiment as the manual does: once, through the load balancer."""
        self.view.step("reset", name)
        act = self.target.contract.act(name)
        try:
            answer: Answer | CouldNotObserve = self.target.platform.send_each(
                [Sending(act, self.experiment.reset_values)]
            )[0]
        except CouldNotObserve as error:
            answer = error
        trouble = answer.sentence if isinstance(answer, CouldNotObserve) else breach(act, answer)
        self.facts["reset"] = trouble or ""
        if not trouble:
            self._mark(timeline.RESET, name)

    def _repeated(self, acts: Sequence[str]) -> dict[str, Repeated]:
        """Send the file of each repeat by its act, the same each time; nobody else's requests have it."""
        repeats, sendings = self.experiment.repeats, []
        for each, name in zip(repeats, acts, strict=True):
            act = self.target.contract.act(name)
            mark = f"{self.target.platform.mark}-{self.experiment.name}-{each.name}"
            payload = None if act.file is None else corpus.payload(act.file, mark)
            sendings.append(Sending(act, each.values, payload=payload, waits=False))
        try:
            answers = self.target.platform.send_each(sendings)
        except CouldNotObserve as error:
            answers = [error] * len(repeats)
        return {each.name: _kept(each, answer) for each, answer in zip(repeats, answers, strict=True)}

    def _watch(self, seconds: float, dog: Watchdog) -> None:
        """Let time pass while all is sampled, unless a stop condition comes true."""

        def over() -> bool:
            self.view.update(self.writer.timeline())
            return dog.wait(0)

        with contextlib.suppress(GaveUp):
            wait_until(over, timeout_seconds=max(0.0, seconds), what="a stop", interval_seconds=_LOOK_SECONDS)

    def _undo(self, keeper: Keeper) -> None:
        """Undo everything, the last first, each one even when another's undo fails."""
        self.view.step("undo")
        self._mark(timeline.UNDOING, self.facts.get("stopped_by", ""))
        for made in reversed(self.made[:]):
            self._undo_one(keeper, made)
        if not self.made:
            self._mark(timeline.UNDONE)

    def _undo_one(self, keeper: Keeper, made: _Made) -> None:
        made.is_ours = False
        try:
            steps = keeper.undo(made.ledger)
        except (CouldNotObserve, NotUndoneError) as error:
            self._say(made.number, trouble=str(error))
            return
        self._say(made.number, undone=self._now, undo_steps=tuple(steps))
        self.made.remove(made)

    def _recover(self, settling: Settling) -> None:
        """Wait until all is as before, as long as it may take and no longer."""
        self.view.step("recovery")

        def settled() -> bool:
            seen = self.writer.timeline()
            self.view.update(seen)
            return settling.is_over(seen)

        with contextlib.suppress(GaveUp):
            wait_until(
                settled,
                timeout_seconds=self.experiment.settle(self._scale),
                what="recovery",
                interval_seconds=_LOOK_SECONDS,
            )
            self._mark(timeline.RECOVERED)
            self.facts["repeated_after"] = self._repeated([each.after for each in self.experiment.repeats])

    # -- small things ------------------------------------------------------------------------------------------------

    @property
    def _scale(self) -> float:
        return self.target.scope.environment.time_scale

    @property
    def _now(self) -> float:
        return self.writer.now()[1]

    def _mark(self, name: str, detail: str = "") -> None:
        self.writer.add(timeline.Mark, name=name, detail=detail)

    def _say(self, number: int, **facts: object) -> None:
        self.done[number] = self.done[number].model_copy(update=facts)


def _kept(repeat: Repeat, answer: Answer | CouldNotObserve) -> Repeated:
    """Keep of an answer what its judges want to know, and nothing that is long or nested."""
    if isinstance(answer, CouldNotObserve):
        return Repeated(trouble=answer.sentence)
    try:
        body = answer.json()
    except CouldNotObserve as error:
        return Repeated(status=answer.status, trouble=error.came_back)
    found = {name: body.get(name) for name in repeat.keeps} if isinstance(body, dict) else {}
    plain = {
        name: value
        for name, value in found.items()
        if value is None
        or isinstance(value, bool | int | float)
        or (isinstance(value, str) and len(value) <= _NAME_MAX)
    }
    return Repeated(status=answer.status, values=plain)


_NAME_MAX = 64


def _resolved(fault: Fault, limits: dict[str, float]) -> Fault:
    """Fill in a delay that is given as a part of one of the platform's own limits; raises CouldNotObserve."""
    if not fault.milliseconds_of:
        return fault
    if fault.milliseconds_of not in limits:
        raise plan.no_limit(fault.milliseconds_of)
    milliseconds = round(limits[fault.milliseconds_of] * 1000 * fault.factor)
    return fault.model_copy(update={"milliseconds": milliseconds})
