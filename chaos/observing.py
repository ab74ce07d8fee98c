"""The observation of experiments: each is done once a run, by the first check that asks, and judged by all others.

Records and timelines are left in the output folder (`chaos/<experiment>/`), from where they can be judged again
(SELF_CHECK_CHAOS_RECORD, `python -m chaos judge`).
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from chaos import plan, record, timeline
from chaos.evidence import Evidence
from chaos.promises import Bites
from selfcheck.contract import Component, ContractError
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.settings import SETTING_OF
from selfcheck.verdict import Verdict, not_covered

if TYPE_CHECKING:
    from pathlib import Path

    from chaos.plan import Experiment
    from selfcheck.target import Target

BITES = "chaos.bites"
LOCK = "chaos lock"
"""What the target keeps the lock of the ledger under: a stack that gives it back when it is closed."""


def experiment_of(target: Target, name: str) -> Experiment:
    """Give an experiment of the contract; raises ContractError, which names those that there are."""
    known = plan.experiments(target.contract)
    if name not in known:
        message = (
            f"{target.contract.folder / 'chaos.toml'}: there is no experiment {name!r} (known: {', '.join(known)})"
        )
        raise ContractError(message)
    return known[name]


def keeps_from_trying(target: Target, name: str) -> Verdict | None:
    """Say why an experiment cannot be done here: a lever that this environment has not."""
    experiment = experiment_of(target, name)
    if target.scope.settings.chaos_record is not None:
        return None
    levers = plan.levers(target.contract)
    for fault in experiment.faults:
        lever = levers[fault.lever]
        if lever.environments and target.scope.name not in lever.environments:
            return not_covered(
                f"the environment {target.scope.name} has no lever {lever.name} ({lever.says})",
                f"say in the contract's chaos.toml, in [[lever]] {lever.name}, how it is pulled there",
            )
        needed = Component.TOXIPROXY if lever.proxy else Component.REDIS if lever.redis else None
        if needed is not None and not target.scope.covers(needed):
            return not_covered(f"{needed} is out of scope", f"set {SETTING_OF[needed]}")
    return None


def evidence(target: Target, name: str) -> Evidence:
    """Give what an experiment showed, doing it when nobody has asked before; raises CouldNotObserve."""
    return target.once(("experiment", name), lambda: _evidence(target, name))


def _evidence(target: Target, name: str) -> Evidence:
    experiment = experiment_of(target, name)
    saved = target.scope.settings.chaos_record
    folder = run_one(target, name) if saved is None else saved / name
    bites = next((each for each in target.contract.promises(BITES, Bites) if each.experiment == name), None)
    return read(folder, experiment, bites)


def read(folder: Path, experiment: Experiment, bites: Bites | None = None) -> Evidence:
    """Read a saved experiment, with the promise that its fault is felt; raises CouldNotObserve where there is none."""
    try:
        found = record.read(folder / record.RECORD_FILE)
        seen = timeline.read(folder / record.TIMELINE_FILE)
    except (OSError, ValueError) as error:
        raise CouldNotObserve(
            Trouble.UNEXPECTED_ANSWER,
            asked=f"the experiment in {folder}",
            came_back=f"cannot be read as one: {str(error).splitlines()[0]}",
            hint="name the folder `chaos` below the output folder of a run",
        ) from error
    return Evidence(found, seen, experiment, bites, str(folder))


def run_one(target: Target, name: str, *, silent: bool = False) -> Path:
    """Do one experiment; gives its folder. Raises CouldNotObserve when nothing may be done any more.

    A `silent` one shows nothing on the terminal: what is broken is for a person to find out.
    """
    from chaos.engine import Course  # noqa: PLC0415 - not for a mere list of checks
    from chaos.hands import Hands  # noqa: PLC0415
    from chaos.live import Silent, live_view  # noqa: PLC0415
    from chaos.surroundings import Surroundings  # noqa: PLC0415

    experiment = experiment_of(target, name)
    try:
        target.once(LOCK, _nothing)
    except LookupError:
        raise CouldNotObserve(
            Trouble.ERROR_ANSWER,
            asked=f"the experiment {name}",
            came_back="not started, because nobody has asked whether it may be",
            hint="experiments are done one after the other: run `pytest chaos` without -n",
        ) from None
    left = not_undone(target)
    if left:
        raise CouldNotObserve(
            Trouble.ERROR_ANSWER,
            asked=f"the experiment {name}",
            came_back=f"not started, because a fault could not be undone: {left}",
            hint="undo it by hand, then `make chaos-recover`",
        )
    folder = target.scope.settings.output / record.FOLDER / name
    for file in (record.RECORD_FILE, record.TIMELINE_FILE):  # those of an earlier run are not this one's
        with contextlib.suppress(FileNotFoundError):
            (folder / file).unlink()
    following = contextlib.nullcontext(Silent()) if silent else live_view(sys.__stderr__ or sys.stderr, name)
    with Hands.of(target) as hands, following as view:
        Course(target, experiment, hands, folder, view, Surroundings(target, name, hands)).run()
    return folder


def not_undone(target: Target) -> str:
    """Say what of this run's faults is still there by the ledger; empty when nothing is."""
    from chaos.ledger import Ledger, LedgerError  # noqa: PLC0415 - as above

    try:
        records, broken = Ledger(target.scope.settings.chaos_ledger).records()
    except LedgerError as error:
        return str(error)
    return "; ".join([*(f"{each.target}: {each.undo}" for each in records), *(each.sentence for each in broken)])


def end(target: Target) -> str:
    """Give the lock back; says what could not be undone, empty when all was, or nothing was done."""
    try:
        held = target.once(LOCK, _nothing)
    except LookupError:
        return ""
    left = not_undone(target)
    held.close()
    return left


def _nothing() -> contextlib.ExitStack:
    raise LookupError
