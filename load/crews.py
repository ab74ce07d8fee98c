"""Who generates the load of a run: this process alone, or one that leads and several that it started, through Locust.

A crew is told when to begin, asked how far it is, told to end early, and asked what happened. Locust's master and
workers carry the messages: what a worker needs besides them are the settings, which it has from its own environment.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import math
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Protocol

import gevent
from gevent.event import AsyncResult, Event
from locust.env import Environment
from locust.exception import RPCError

from load.generator import END_SECONDS, Asker, Generator, Progress
from load.plan import Plan
from load.preparing import NotStartedError, prepare, refuse_another_target
from load.record import Tally, Worker
from load.tallying import lost, merged
from load.users import ArrivalUser
from load.wire import Connections
from selfcheck.contract import Model
from selfcheck.waiting import GaveUp, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from locust.rpc import Message
    from locust.runners import MasterRunner, WorkerRunner

    from selfcheck.run import Run

_log = logging.getLogger("load")
_HELLO, _PLAN, _READY, _BEGIN, _PROGRESS, _END, _REPORT = (
    f"arrivals_{name}" for name in ("hello", "plan", "ready", "begin", "progress", "end", "report")
)
_BEGIN_IN_SECONDS = 0.3
"""Far enough ahead that every worker knows of it before it comes."""
_CONNECT_SECONDS = 60.0
_REPORT_SECONDS = 10.0
"""What a worker may take to report once all is over; the histograms of its blocks are made then."""
_REPORT_SECONDS_PER_REQUEST = 20e-6
_SILENT_SECONDS = 15.0
"""A worker from elsewhere that says nothing for so long is lost; one of ours is lost when its process has ended."""
_GONE_SECONDS = 3.0
_LOOK_SECONDS = 0.5
_TELL_SECONDS = 1.0


class Report(Model):
    """What the processes of a crew say after the run."""

    workers: tuple[Worker, ...]
    tallies: tuple[Tally, ...]


class Crew(Protocol):
    """Generates the load of a plan."""

    finished: Event
    """Set when there is nothing left to wait for."""

    def begin(self) -> float:
        """Get ready and begin; gives the Unix time at which second 0 of the plan is. Raises NotStartedError."""

    def progress(self) -> Progress:
        """Give the figures of this moment, of all processes together; latencies are given once."""

    @property
    def workers(self) -> int:
        """How many processes generate load at this moment."""

    def end(self) -> None:
        """Start nothing more, give what is under way a moment, and finish."""

    def report(self, until_seconds: float) -> Report:
        """Give what happened; arrivals that a lost worker had until then count as planned."""

    def dismiss(self) -> None:
        """Leave no process behind."""


def _environment(base_url: str | None) -> Environment:
    # Locust tells of users that come and go; what is of interest here is in the record.
    logging.getLogger("locust").setLevel(logging.ERROR)
    return Environment(user_classes=[ArrivalUser], host=base_url)


def generator_of(plan: Plan, index: int, run: Run, environment: Environment) -> Generator:
    """Make the generator for one worker's share; raises what `prepare` raises."""
    prepared, asker = prepare(plan, run), asker_of(plan, run)
    ArrivalUser.client_pool = asker.connections
    ArrivalUser.generator = Generator(plan, index, prepared, asker, environment, run.target.secrets)
    return ArrivalUser.generator


def asker_of(plan: Plan, run: Run) -> Asker:
    """Make what sends the requests of a plan."""
    return Asker(
        Connections(run.target.http.tls_context),
        timeout_seconds=plan.profile.request_timeout_seconds,
        answer_bytes_max=run.contract.platform.limits.answer_bytes_max,
    )


# ---------------------------------------------------------------------------------------------------------------- alone


class Alone:
    """This process generates all of the load."""

    def __init__(self, plan: Plan, run: Run) -> None:
        self._environment = _environment(plan.base_url)
        self._runner = self._environment.create_local_runner()
        self._generator = generator_of(plan, 0, run, self._environment)
        self._running: gevent.Greenlet[..., None] | None = None
        self.finished = self._generator.finished

    def begin(self) -> float:
        """Get ready and begin."""
        self._runner.start(1, spawn_rate=1)
        begin_at = time.time() + _BEGIN_IN_SECONDS
        self._running = gevent.spawn(self._generator.run, begin_at)
        return begin_at

    def progress(self) -> Progress:
        """Give the figures of this moment."""
        return self._generator.progress()

    @property
    def workers(self) -> int:
        """It is the one."""
        return 1

    def end(self) -> None:
        """End early."""
        self._generator.end()

    def report(self, until_seconds: float) -> Report:  # noqa: ARG002 - nobody can be lost
        """Give what happened."""
        if self._running is not None:
            self._running.get()  # raises what went wrong in it
        return Report(workers=(self._generator.worker(),), tallies=tuple(self._generator.tallies()))

    def dismiss(self) -> None:
        """Stop Locust's own greenlets."""
        self._runner.quit()


# ------------------------------------------------------------------------------------------------------------- together


@dataclass(slots=True)
class _Member:
    """What the leader knows of one worker."""

    process: subprocess.Popen[bytes] | None = None
    node: str = ""
    ready: bool = False
    trouble: str = ""
    progress: Progress = field(default_factory=Progress)
    heard_at: float = field(default_factory=time.monotonic)
    report: Report | None = None

    @property
    def gone(self) -> bool:
        """Whether it will never report: its process has ended, or nothing was heard of it for long."""
        if self.process is not None:
            return self.process.poll() is not None
        return bool(self.node) and time.monotonic() - self.heard_at > _SILENT_SECONDS


class Led:
    """Several processes generate the load, each its share, and this one leads them."""

    def __init__(self, plan: Plan, run: Run, *, host: str, port: int, elsewhere: int) -> None:
        prepare(plan, run)  # what cannot be sent is said here, once
        self._plan = plan
        self._runner: MasterRunner = _environment(plan.base_url).create_master_runner(host, port)
        self._members = [_Member() for _ in range(plan.workers)]
        self._elsewhere = elsewhere
        self._address = f"{host}:{self._runner.server.port}"
        self._news = Event()
        self._until = math.inf
        self._report_seconds = _REPORT_SECONDS + plan.line.expected * _REPORT_SECONDS_PER_REQUEST
        self.finished = Event()
        for name, listener in (
            (_HELLO, self._hear_hello),
            (_READY, self._hear_ready),
            (_PROGRESS, self._hear_progress),
            (_REPORT, self._hear_report),
        ):
            self._runner.register_message(name, listener)

    def begin(self) -> float:
        """Start the processes, wait until all are ready, and begin."""
        if self._elsewhere:
            _log.warning("waiting at %s for workers from elsewhere: %d", self._address, self._elsewhere)
        for index, member in enumerate(self._members[: len(self._members) - self._elsewhere]):
            member.process = self._started(index)
        self._wait(lambda member: bool(member.node), "connect")
        for index, member in enumerate(self._members):
            self._tell(member, _PLAN, {"plan": self._plan.model_dump_json(), "index": index})
        self._wait(lambda member: member.ready, "get ready")
        self._runner.start(len(self._members), spawn_rate=len(self._members))
        begin_at = time.time() + _BEGIN_IN_SECONDS
        for member in self._members:
            self._tell(member, _BEGIN, {"at": begin_at})
        self._until = time.monotonic() + _BEGIN_IN_SECONDS + self._report_seconds
        self._until += self._plan.line.seconds + self._plan.profile.drain_seconds
        gevent.spawn(self._follow)
        return begin_at

    def progress(self) -> Progress:
        """Give the figures of all processes together; those of a lost one are its last."""
        parts = [member.progress for member in self._members]
        for member in self._members:
            member.progress = replace(member.progress, recent=())
        counts = {
            field.name: sum(getattr(part, field.name) for part in parts)
            for field in fields(Progress)
            if field.name != "recent"
        }
        return Progress(**counts, recent=tuple(latency for part in parts for latency in part.recent))

    @property
    def workers(self) -> int:
        """How many are there."""
        return sum(not member.gone for member in self._members)

    def end(self) -> None:
        """Tell all to end early."""
        self._until = min(self._until, time.monotonic() + END_SECONDS + self._report_seconds)
        for member in self._members:
            self._tell(member, _END, {})
        self._news.set()

    def report(self, until_seconds: float) -> Report:
        """Give what happened."""
        lost_ones = [index for index, member in enumerate(self._members) if member.report is None]
        reports = [member.report for member in self._members if member.report is not None]
        known = {worker.index: worker for report in reports for worker in report.workers}
        tallies = [tally for report in reports for tally in report.tallies]
        return Report(
            workers=tuple(known.get(index) or self._unknown(index) for index in range(len(self._members))),
            tallies=merged(self._plan, [*tallies, *lost(self._plan, lost_ones, until_seconds)]),
        )

    def dismiss(self) -> None:
        """Send all away; whoever is still there after a moment is made to go."""
        self._runner.quit()
        processes = [member.process for member in self._members if member.process is not None]
        with gevent.Timeout(_GONE_SECONDS, exception=False):
            for process in processes:
                process.wait()
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()

    def _started(self, index: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "load.engine", "--worker", self._address]
        return subprocess.Popen(
            [*command, "--index", str(index), "--parent", str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,  # what this process prints is its progress and nothing else
        )

    def _wait(self, done: Callable[[_Member], bool], what: str) -> None:
        """Wait until all members have done something; raises NotStartedError when one cannot."""

        def settled() -> bool:
            return all(done(member) or member.trouble or member.gone for member in self._members)

        try:
            wait_until(settled, timeout_seconds=_CONNECT_SECONDS, what=f"{len(self._members)} workers to {what}")
        except GaveUp as error:
            raise NotStartedError(str(error)) from None
        for index, member in enumerate(self._members):
            if not done(member):
                message = f"worker {index} did not {what}: {member.trouble or 'its process ended'}"
                raise NotStartedError(message)

    def _tell(self, member: _Member, name: str, data: dict[str, Any]) -> None:
        if member.node and not member.gone:
            self._runner.send_message(name, data, client_id=member.node)

    def _unknown(self, index: int) -> Worker:
        process = self._members[index].process
        return Worker(index=index, pid=0 if process is None else process.pid, reported=False)

    def _follow(self) -> None:
        """Wait until every member has reported or is lost."""
        while time.monotonic() < self._until and any(
            member.report is None and not member.gone for member in self._members
        ):
            self._news.wait(_LOOK_SECONDS)
            self._news.clear()
        self.finished.set()

    # ------------------------------------------------------------------------------------------- what the members say

    def _member(self, message: Message) -> _Member | None:
        member = next((member for member in self._members if member.node == message.node_id), None)
        if member is not None:
            member.heard_at = time.monotonic()
        return member

    def _hear_hello(self, msg: Message, **_: object) -> None:
        index = msg.data["index"]
        if index is None:  # from elsewhere: any place that is free
            free = [member for member in self._members if member.process is None and not member.node]
            member = free[0] if free else None
        else:
            member = self._members[index]
        if member is not None:
            member.node = msg.node_id
            member.heard_at = time.monotonic()

    def _hear_ready(self, msg: Message, **_: object) -> None:
        if (member := self._member(msg)) is not None:
            member.trouble = msg.data["trouble"]
            member.ready = not member.trouble

    def _hear_progress(self, msg: Message, **_: object) -> None:
        if (member := self._member(msg)) is not None:
            member.progress = Progress(**msg.data)

    def _hear_report(self, msg: Message, **_: object) -> None:
        if (member := self._member(msg)) is not None:
            member.report = Report.model_validate_json(msg.data["report"])
            member.progress = replace(member.progress, in_flight=0)
            self._news.set()


class Follower:
    """One of several processes that generate load: it does what its leader says."""

    def __init__(
        self, open_run: Callable[[str], Run], *, host: str, port: int, index: int | None, parent: int | None
    ) -> None:
        self._open_run = open_run
        self._parent = parent
        self._environment = _environment(None)  # it comes with the order to spawn users
        self._begin_at: AsyncResult[float] = AsyncResult()
        self._generator: Generator | None = None
        self._heard_at = time.monotonic()
        heartbeats = self._environment.events.heartbeat_received
        heartbeats.add_listener(self._hear_heartbeat)  # type: ignore[no-untyped-call]
        try:
            self._runner: WorkerRunner = self._environment.create_worker_runner(host, port)
        except ConnectionError:
            message = f"nobody who leads workers was found at {host}:{port}"
            raise NotStartedError(message) from None
        # Or else Locust asks its command line, and the files that this reads, when users are spawned.
        self._environment.parsed_options = argparse.Namespace()
        for name, listener in ((_PLAN, self._hear_plan), (_BEGIN, self._hear_begin), (_END, self._hear_end)):
            self._runner.register_message(name, listener)
        self._runner.send_message(_HELLO, {"index": index})

    def follow(self) -> None:
        """Generate this process's share, report, and stay until the leader sends it away; raises what went wrong."""
        gevent.spawn(self._watch)
        begin_at = self._begin_at.get()
        assert self._generator is not None
        running = gevent.spawn(self._generator.run, begin_at)
        telling = gevent.spawn(self._tell)
        running.get()
        telling.kill()
        report = Report(workers=(self._generator.worker(),), tallies=tuple(self._generator.tallies()))
        self._send_progress()
        self._runner.send_message(_REPORT, {"report": report.model_dump_json()})
        self._runner.greenlet.join()

    def _tell(self) -> None:
        while True:
            gevent.sleep(_TELL_SECONDS)
            self._send_progress()

    def _send_progress(self) -> None:
        assert self._generator is not None
        with contextlib.suppress(RPCError):  # the next one says it all
            self._runner.send_message(_PROGRESS, asdict(self._generator.progress()))

    def _watch(self) -> None:
        """End with the leader: nobody would ask for the report of this one."""
        while not self._leader_is_gone():
            gevent.sleep(_LOOK_SECONDS)
        _log.error("the process that leads is gone")
        os._exit(1)

    def _leader_is_gone(self) -> bool:
        """Tell whether the leader's process has ended; from elsewhere, whether it has not been heard of for long."""
        if self._parent is not None:
            return os.getppid() != self._parent
        return time.monotonic() - self._heard_at > _SILENT_SECONDS

    def _hear_heartbeat(self, **_: object) -> None:
        self._heard_at = time.monotonic()

    def _hear_plan(self, msg: Message, **_: object) -> None:
        trouble = ""
        try:
            plan = Plan.model_validate_json(msg.data["plan"])
            run = self._open_run(plan.run_id)
            refuse_another_target(plan, run)
            self._generator = generator_of(plan, msg.data["index"], run, self._environment)
        except Exception as error:  # noqa: BLE001 - the leader says it
            trouble = f"{type(error).__name__}: {error}"
        self._runner.send_message(_READY, {"trouble": trouble})

    def _hear_begin(self, msg: Message, **_: object) -> None:
        self._begin_at.set(msg.data["at"])

    def _hear_end(self, **_: object) -> None:
        if self._generator is not None:
            self._generator.end()
