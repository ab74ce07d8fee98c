"""The course of one run of the generator; `load.engine` starts it."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import logging
import math
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import gevent
from gevent.select import select
from pydantic import ValidationError

from load import dying
from load import plan as plans
from load import record as records
from load.preparing import NotStartedError, refuse_another_target
from load.record import Record
from selfcheck import contract, settings
from selfcheck.clients._explain import Failed
from selfcheck.contract import ContractError
from selfcheck.corpus import UnknownPayloadError
from selfcheck.run import open_run
from selfcheck.settings import SettingsError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from load.crews import Crew
    from load.plan import Plan
    from selfcheck.run import Run

_STDIN = 0
_TELL_SECONDS = 1.0
_TELL_FIRST_SECONDS = 0.1
_WRITTEN, _FAILED = 0, 1


def main(options: argparse.Namespace) -> int:
    """Run the generator, or one of its workers; gives the exit code."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    try:
        if options.worker is not None:
            _follow(options.worker, options.index, options.parent)
        else:
            _lead(options.plan, options.record, options.bind, options.elsewhere)
    except (SettingsError, ContractError, UnknownPayloadError, plans.Refused, NotStartedError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - it is a command line
        return _FAILED
    except Failed as error:
        print(f"{error.failure.came_back}. {error.failure.hint}", file=sys.stderr)  # noqa: T201 - likewise
        return _FAILED
    return _WRITTEN


def _open_run(run_id: str) -> Run:
    chosen = settings.read()
    return open_run(chosen, contract.load(chosen.contract), run_id=run_id)


def _follow(address: tuple[str, int], index: int | None, parent: int | None) -> None:
    """Be a worker."""
    if parent is not None:
        dying.with_parent(parent)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the process that leads tells when to end
    from load import crews  # noqa: PLC0415 - see `_lead`

    host, port = address
    crews.Follower(_open_run, host=host, port=port, index=index, parent=parent).follow()


def _lead(plan_path: Path, record_path: Path, bind: tuple[str, int], elsewhere: int) -> None:
    """Play a plan; raises NotStartedError, or what says that settings and contract are of no use."""
    try:
        plan = plans.read(plan_path)
    except (OSError, ValidationError) as error:
        message = f"{plan_path} is no plan: {error}"
        raise NotStartedError(message) from None
    if not 0 <= elsewhere <= plan.workers:
        message = f"the plan has {plan.workers} workers; {elsewhere} of them cannot be elsewhere"
        raise NotStartedError(message)
    run = _open_run(plan.run_id)
    refuse_another_target(plan, run)
    plans.refuse_without_consent(run.scope, plan.line)
    from load import crews  # noqa: PLC0415 - Locust takes a second to load, and a run that is refused needs none

    crew: Crew
    if plan.workers == 1 and not elsewhere:
        crew = crews.Alone(plan, run)
    else:
        crew = crews.Led(plan, run, host=bind[0], port=bind[1], elsewhere=elsewhere)
    try:
        Conductor(plan, run, crew).conduct(record_path)
    finally:
        crew.dismiss()


class Conductor:
    """Leads a crew through one run: tells how far it is, ends it when asked to, and writes the record."""

    def __init__(self, plan: Plan, run: Run, crew: Crew) -> None:
        self._plan = plan
        self._run = run
        self._crew = crew
        self._main = gevent.getcurrent()
        self._parent = os.getppid()
        self._begin_at = 0.0
        self._begun = math.inf
        self._ended_by = ""
        self._seconds = 0.0

    def conduct(self, path: Path) -> None:
        """Play the plan and write the record; raises NotStartedError."""
        for number in (signal.SIGINT, signal.SIGTERM):
            gevent.signal_handler(number, self._end, signal.Signals(number).name)
        if dying.is_pipe(_STDIN):
            gevent.spawn(self._listen)
        self._begin_at = self._crew.begin()
        self._begun = time.monotonic() + (self._begin_at - time.time())
        started = 0
        # Often until the first request: whoever wants load in the background waits for it.
        while not self._crew.finished.wait(_TELL_SECONDS if started else _TELL_FIRST_SECONDS):
            started = self._tell()
            if os.getppid() != self._parent:
                self._end("the end of the process that started it")
        self._tell()
        records.write(self._record(), path)

    def _elapsed(self) -> float:
        return max(0.0, time.monotonic() - self._begun)

    def _listen(self) -> None:
        """Wait for the end of standard input: whoever started this process is gone, or wants it to end."""
        while select([_STDIN], [], []) and os.read(_STDIN, 4096):
            pass
        self._end("the end of its standard input")

    def _end(self, why: str) -> None:
        """End the run early; the first reason counts."""
        if self._ended_by:
            return
        self._ended_by = why
        if math.isinf(self._begun):
            message = f"ended by {why} before the run began; nothing was sent"
            gevent.kill(self._main, NotStartedError(message))
            return
        self._seconds = self._elapsed()
        self._crew.end()

    def _tell(self) -> int:
        """Print how far the run is; gives how many requests were started."""
        now = self._crew.progress()
        recent = sorted(now.recent)
        line = {
            "elapsed": round(self._elapsed(), 3),
            "of": self._plan.line.seconds,
            "planned": now.planned,
            "started": now.started,
            "finished": now.finished,
            "errors": now.errors,
            "limited": now.limited,
            "dropped": now.dropped,
            "in_flight": now.in_flight,
            "p50": _quantile(recent, 0.5),
            "p95": _quantile(recent, 0.95),
            "workers": self._crew.workers,
        }
        # Nobody may be listening any more; the record is what counts.
        with contextlib.suppress(OSError):
            print(json.dumps(line), flush=True)  # noqa: T201 - likewise
        return now.started

    def _record(self) -> Record:
        report = self._crew.report(self._seconds if self._ended_by else math.inf)
        plan, profile = self._plan, self._plan.profile
        return Record(
            run_id=plan.run_id,
            profile=profile.name,
            environment=self._run.scope.name,
            base_url=plan.base_url,
            started_at=dt.datetime.fromtimestamp(self._begin_at, dt.UTC).isoformat(timespec="milliseconds"),
            started_unix_seconds=self._begin_at,
            seed=plan.seed,
            spacing=str(profile.spacing),
            line=plan.line.points(),
            warm_up_seconds=profile.warm_up_seconds,
            block_seconds=profile.block_seconds,
            elapsed_seconds=self._seconds if self._ended_by else self._elapsed(),
            interrupted=bool(self._ended_by),
            ended_by=self._ended_by,
            workers=report.workers,
            tallies=report.tallies,
        )


def _quantile(values: Sequence[float], q: float) -> float | None:
    """Give a quantile of sorted values; None when there are none."""
    return round(values[min(len(values) - 1, int(q * len(values)))], 6) if values else None
