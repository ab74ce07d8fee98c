"""What experiments do around their checks: time and consent before, reports after (see `selfcheck.plugin`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos import plan
from chaos.references import check
from selfcheck.contract import Component
from selfcheck.settings import Scope

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from selfcheck.contract import Contract
    from selfcheck.run import Run
    from selfcheck.settings import Settings

__all__ = ["dry_run", "finish", "guard", "seconds_needed"]

_AROUND_SECONDS = 60.0
"""Guard, steady state, and the start of the load take so long at most, for each experiment."""


def seconds_needed(settings: Settings, contract: Contract) -> float:
    """Say how much longer than the gate a run may take: all experiments, each at its longest.

    Raises ContractError when experiments name what is not there.
    """
    check(contract)
    if settings.chaos_record is not None:
        return 0.0
    scale = Scope(settings, contract).environment.time_scale
    return sum(
        # Recovery is waited for after an experiment, and once more before the next one.
        experiment.quiet_seconds + experiment.hold(scale) + 2 * experiment.settle(scale) + _AROUND_SECONDS
        for experiment in plan.experiments(contract).values()
    )


def dry_run(settings: Settings, contract: Contract, batches: Sequence[str]) -> Iterator[str]:
    """Give the plan of the experiments that are asked for; nothing is sent. Raises SettingsError or ContractError."""
    from chaos.planning import render_plan  # noqa: PLC0415 - not for a mere list of checks

    check(contract)
    yield from render_plan(contract, Scope(settings, contract), batches)


def guard(run: Run) -> None:
    """Refuse experiments where there is no consent or something is the matter; raises RefusedError.

    What a runner that was killed has left in the ledger is undone first.
    """
    if run.settings.chaos_record is not None or Component.APP in run.target.blocked:
        return
    from chaos.guard import refuse_unless_well  # noqa: PLC0415 - not for a mere list of checks

    for remark in refuse_unless_well(run.target):
        run.remarks.append(run.clean(remark))


def finish(run: Run, pytest_code: int) -> None:
    """Say what could not be undone, and write the reports of the experiments."""
    from chaos.observing import end  # noqa: PLC0415 - as above
    from chaos.promises import OfExperiment  # noqa: PLC0415
    from chaos.record import FOLDER  # noqa: PLC0415
    from chaos.report.writing import HTML_FILE, write_all  # noqa: PLC0415

    run.not_undone = run.clean(end(run.target))
    results = [found for found in run.results if found.kind.startswith(f"{FOLDER}.")]
    folder = run.settings.chaos_record or run.settings.output / FOLDER
    if not results or not folder.is_dir():
        return
    promises = [promise for _, promise in run.contract.all_promises() if isinstance(promise, OfExperiment)]
    judged = {found.id for found in results}
    trouble = write_all(
        folder,
        results,
        clean=run.clean,
        exit_code=run.exit_code(pytest_code),
        promises=promises,
        experiments=plan.experiments(run.contract),
        only={promise.experiment for promise in promises if promise.id in judged},
    )
    run.remarks.append(trouble or f"report of the experiments: {folder / HTML_FILE}")
