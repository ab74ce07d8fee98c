"""What a load test does around its checks: time and consent before, reports after (see `selfcheck.plugin`)."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

from load import plan as plans
from load.observing import FOLDER, done, planned, seconds_needed
from selfcheck.checking import checks
from selfcheck.contract import Component
from selfcheck.observation import CouldNotObserve

if TYPE_CHECKING:
    from selfcheck.run import Run

__all__ = ["finish", "guard", "seconds_needed"]


def guard(run: Run) -> None:
    """Refuse a load test for which there is no consent, before any load is sent; raises RefusedError.

    What keeps the run from being planned is kept, and is the verdict of whoever asks for the record.
    """
    if run.settings.load_record is None and Component.APP not in run.target.blocked:
        with contextlib.suppress(CouldNotObserve):
            planned(run.target)


def finish(run: Run, pytest_code: int) -> None:
    """Judge what an interrupted run left unjudged, count its requests, and write the reports of the load test."""
    from load.promises import Loaded  # noqa: PLC0415 - as the rest, not for a mere list of checks
    from load.report.writing import HTML_FILE, write_all  # noqa: PLC0415
    from selfcheck.judging import judge  # noqa: PLC0415

    record = done(run.target)
    if record is None:
        return
    judged = {found.id for found in run.results}
    for name, promise in run.contract.all_promises() if record.interrupted else ():
        if isinstance(promise, Loaded) and promise.id not in judged:
            run.results.append(judge(run, promise, name, partial(checks()[name], promise, run.target)))
    if run.settings.load_record is None:
        run.requests_to_platform += sum(worker.arrivals for worker in record.workers)
    folder = run.settings.output / FOLDER
    trouble = write_all(
        folder,
        record,
        [found for found in run.results if found.kind.startswith(f"{FOLDER}.")],
        plans.profiles(run.contract)[record.profile],
        clean=run.clean,
        operations=plans.operations(run.contract),
        promises=(promise for _, promise in run.contract.all_promises() if isinstance(promise, Loaded)),
        exit_code=run.exit_code(pytest_code),
    )
    run.remarks.append(trouble or f"report of the load test: {folder / HTML_FILE}")
