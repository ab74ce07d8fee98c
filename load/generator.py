"""One process's share of a run: starts requests when they are due, follows each to its end, and watches itself.

One greenlet walks the arrivals and does nothing else. Requests are carried by others, which are used again and are
never more than may be under way at once; an arrival that finds all of them busy is dropped and counted, never delayed.
What an answer is worth is found out by a third, a moment later, so that the next answer's time is not this one's work.
"""

from __future__ import annotations

import datetime as dt
import errno
import gc
import os
import socket
import ssl
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import gevent
from gevent.event import Event
from gevent.queue import SimpleQueue
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError
from locust.exception import CatchResponseError

from load.alarm import Alarm
from load.arrivals import share
from load.preparing import says_when_to_retry
from load.record import Fate, Worker, encoded, new_histogram, note
from load.tallying import Times, countings, schedule
from load.wire import TooLargeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gevent.greenlet import Greenlet
    from locust.env import Environment

    from load.arrivals import Arrival
    from load.plan import Plan
    from load.preparing import Prepared, Received
    from load.record import Tally
    from load.tallying import Key
    from load.wire import Connections
    from selfcheck.secrets import Secrets

END_SECONDS = 2.0
"""How long answers are waited for when a run is interrupted."""
_LOOK_SECONDS = 1.0
_RECENT_MAX = 500
_SETTLE_SECONDS = 0.02
_SETTLE_AT_ONCE = 32
_WORDS_MAX = 200
_STDERR = 2
_LOCAL_ERRORS = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.EADDRINUSE, errno.ENOBUFS, errno.ENOMEM}
)


class Outcome(NamedTuple):
    """How one exchange went: an answer, whose worth is not known yet, or a fate and words that say why."""

    received: Received | None
    fate: Fate | None = None
    words: str = ""

    @property
    def answer_bytes(self) -> int:
        """How many bytes the body of the answer has."""
        return 0 if self.received is None else len(self.received.body)


def fate_of(prepared: Prepared, outcome: Outcome) -> Fate:
    """Tell what became of a request."""
    return outcome.fate or (Fate.LOCAL if outcome.received is None else prepared.fate(outcome.received))


class Asker:
    """Sends prepared requests."""

    def __init__(self, connections: Connections, *, timeout_seconds: float, answer_bytes_max: int) -> None:
        self.connections = connections
        self._timeout_seconds = timeout_seconds
        self._answer_bytes_max = answer_bytes_max

    def ask(self, prepared: Prepared, request: bytes) -> Outcome:
        """Send a request, and wait for the whole answer or the end of its time; raises nothing but GreenletExit."""
        limit = gevent.Timeout.start_new(self._timeout_seconds)
        try:
            client = self.connections.client_of(prepared.url)
            return Outcome(client.exchange(prepared.method, request, self._answer_bytes_max))
        except gevent.Timeout as over:
            if over is not limit:
                raise
            return Outcome(None, Fate.TIMEOUT, f"no complete answer within {self._timeout_seconds:g} s")
        except TooLargeError:
            return Outcome(None, Fate.WRONG, f"the answer has more than {self._answer_bytes_max:,} bytes")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the fate of this request
            return _broken(error)
        finally:
            limit.close()


def _broken(error: Exception) -> Outcome:
    """Tell what an error of the connection means, and whose it is."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if isinstance(error, OSError) and error.errno in _LOCAL_ERRORS:
        return Outcome(None, Fate.LOCAL, f"not sent: {reason}")
    if isinstance(error, socket.gaierror | UnicodeError):
        # Without a file handle no name can be looked up either, and the error does not say so.
        if _has_no_handle_left():
            return Outcome(None, Fate.LOCAL, f"not sent: {os.strerror(errno.EMFILE)}")
        return Outcome(None, Fate.CONNECTION, f"the host name does not resolve ({reason})")
    if isinstance(error, OSError | HTTPParseError):
        return Outcome(None, Fate.CONNECTION, _words(error, reason))
    return Outcome(None, Fate.LOCAL, f"the generator failed: {type(error).__name__}: {reason}")


def _words(error: OSError | HTTPParseError, reason: str) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: the certificate does not verify ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {(error.reason or reason).replace('_', ' ').lower()}"
    if isinstance(error, HTTPParseError) and not isinstance(error, HTTPConnectionClosed):
        return f"what came back is no HTTP ({reason})"
    return reason[:1].lower() + reason[1:].rstrip(".")


def _has_no_handle_left() -> bool:
    try:
        os.close(os.dup(_STDERR))
    except OSError as error:
        return error.errno in _LOCAL_ERRORS
    return False


class Job(NamedTuple):
    """A request to send: the arrival that it is for, when that was due, and its bytes."""

    arrival: Arrival
    due: float
    request: bytes


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one process is; counts are of the whole run so far, warm-up included."""

    planned: int = 0
    started: int = 0
    finished: int = 0
    errors: int = 0
    limited: int = 0
    dropped: int = 0
    in_flight: int = 0
    recent: tuple[float, ...] = ()
    """Latencies of the last second, or some of them."""


class Generator:
    """Starts the share of one worker of a plan."""

    def __init__(
        self,
        plan: Plan,
        index: int,
        prepared: Mapping[Key, Prepared],
        asker: Asker,
        environment: Environment,
        secrets: Secrets,
    ) -> None:
        self._plan = plan
        self._index = index
        self._prepared = prepared
        self._asker = asker
        self._environment = environment
        self._secrets = secrets
        self._in_flight_max = max(1, (plan.profile.in_flight_max + plan.workers - 1 - index) // plan.workers)
        self._countings = countings(plan)
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._carriers: list[Greenlet[..., None]] = []
        self._idle = 0
        self._alarm = Alarm()
        self._begun_at = 0.0
        self._ended_at: float | None = None
        self._progress = dict.fromkeys(("planned", "started", "finished", "errors", "limited", "dropped"), 0)
        self._recent: deque[float] = deque(maxlen=_RECENT_MAX)
        self._unsettled: deque[tuple[Arrival, Prepared, Outcome, Times]] = deque()
        self._settled = Event()
        self._in_flight = 0
        self._in_flight_most = 0
        self._lag = new_histogram()
        self._shares: list[float] = []
        self._cpu_seconds = 0.0
        self._clock_step = 0.0
        self.finished = Event()
        """Set when all is over and `tallies` may be asked for."""

    def run(self, start_unix_seconds: float) -> None:
        """Start everything when it is due, and wait for the answers."""
        self._begun_at = time.monotonic() + (start_unix_seconds - time.time())
        # What is there now stays; the garbage collector need not look at it while requests are due.
        gc.collect()
        gc.freeze()
        watcher, settler = gevent.spawn(self._watch), gevent.spawn(self._settle_all)
        try:
            self._walk()
            # The time after the last arrival belongs to the run, too: nothing was due in it.
            self._alarm.sleep_until(self._begun_at + self._plan.line.seconds)
            watcher.kill()
            self._drain()
            settler.kill()
            self._settle_some(len(self._unsettled))
        finally:
            self._alarm.close()
            self.finished.set()

    def end(self) -> None:
        """Start nothing more; what is under way has a moment to finish."""
        if self._ended_at is None:
            self._ended_at = time.monotonic()
            self._alarm.ring()
            self._settled.set()

    def progress(self) -> Progress:
        """Give the figures of this moment; latencies are given once."""
        recent = tuple(self._recent)
        self._recent.clear()
        return Progress(**self._progress, in_flight=self._in_flight, recent=recent)

    def tallies(self) -> list[Tally]:
        """Give what happened."""
        return [counting.tally() for counting in self._countings.values()]

    def worker(self) -> Worker:
        """Give how this process fared."""
        return Worker(
            index=self._index,
            pid=os.getpid(),
            reported=True,
            arrivals=self._progress["planned"],
            lag=encoded(self._lag),
            cpu_share_mean=sum(self._shares) / len(self._shares) if self._shares else 0.0,
            cpu_share_max=max(self._shares, default=0.0),
            cpu_seconds=self._cpu_seconds,
            in_flight_max=self._in_flight_most,
            clock_step_seconds=self._clock_step,
        )

    # ------------------------------------------------------------------------------------------------------- arrivals

    def _walk(self) -> None:
        """Take up each arrival when it is due; those that nobody took up until the end of the run are dropped."""
        begun, warm_up = self._begun_at, self._plan.profile.warm_up_seconds
        given_up = begun + self._plan.line.seconds + self._plan.profile.drain_seconds
        for arrival in share(schedule(self._plan), self._index, self._plan.workers):
            due = begun + arrival.at_seconds
            # All that can be done before it is due is done by then, and all that can wait is done when it is sent.
            request = self._prepared[arrival.operation, arrival.client].request(arrival.number)
            self._alarm.sleep_until(due)
            taken_up = time.monotonic()
            if self._ended_at is not None and due > self._ended_at:
                return
            sent = self._in_flight < self._in_flight_max and self._ended_at is None and taken_up <= given_up
            if sent:
                self._hand_over(Job(arrival, due, request))
            else:
                self._drop(arrival)
            gevent.sleep(0)
            self._countings[arrival.operation, arrival.client].plan(arrival.at_seconds)
            self._progress["planned"] += 1
            if arrival.at_seconds >= warm_up:
                note(self._lag, taken_up - due)

    def _drop(self, arrival: Arrival) -> None:
        self._countings[arrival.operation, arrival.client].drop(arrival.at_seconds)
        self._progress["dropped"] += 1

    def _hand_over(self, job: Job) -> None:
        self._in_flight += 1
        self._in_flight_most = max(self._in_flight_most, self._in_flight)
        self._progress["started"] += 1
        if self._idle:
            self._idle -= 1
        else:
            self._carriers.append(gevent.spawn(self._carry))
        self._jobs.put(job)

    def _drain(self) -> None:
        """Wait for what is under way; what is not finished then is given up."""
        until = self._begun_at + self._plan.line.seconds + self._plan.profile.drain_seconds
        while self._in_flight:
            if self._ended_at is not None:
                until = min(until, self._ended_at + END_SECONDS)
            self._settled.clear()
            if not self._settled.wait(max(0.0, until - time.monotonic())):
                break
        gevent.killall(self._carriers)
        while self._jobs.qsize():  # nobody had begun with these
            self._in_flight -= 1
            self._progress["started"] -= 1
            self._drop(self._jobs.get().arrival)

    # ------------------------------------------------------------------------------------------------------- requests

    def _carry(self) -> None:
        while True:
            self._carry_one(self._jobs.get())
            self._idle += 1

    def _carry_one(self, job: Job) -> None:
        prepared = self._prepared[job.arrival.operation, job.arrival.client]
        outcome = Outcome(None, Fate.UNFINISHED, "still under way when the run ended")
        sent = time.monotonic()
        try:
            outcome = self._asker.ask(prepared, job.request)
        finally:
            done = time.monotonic()
            self._in_flight -= 1
            times = Times(late=sent - job.due, latency=done - job.due, service=done - sent)
            self._unsettled.append((job.arrival, prepared, outcome, times))
            if not self._in_flight:
                self._settled.set()

    def _settle_all(self) -> None:
        """Count what has ended, a little later: the next of many answers must not wait while this one is counted."""
        while True:
            gevent.sleep(_SETTLE_SECONDS)
            while self._unsettled:
                self._settle_some(max(_SETTLE_AT_ONCE, len(self._unsettled) // 4))
                gevent.sleep(0)

    def _settle_some(self, count: int) -> None:
        for _ in range(min(count, len(self._unsettled))):
            self._settle(*self._unsettled.popleft())

    def _settle(self, arrival: Arrival, prepared: Prepared, outcome: Outcome, times: Times) -> None:
        received, counting = outcome.received, self._countings[arrival.operation, arrival.client]
        fate = fate_of(prepared, outcome)
        self._progress["finished"] += 1
        unexplained = False
        if fate is Fate.OK:
            self._recent.append(times.latency)
        else:
            self._progress["limited" if fate is Fate.LIMITED else "errors"] += 1
            if fate is Fate.LIMITED and received is not None:
                unexplained = not says_when_to_retry(received, dt.datetime.now(dt.UTC))
            if fate not in counting.examples:
                words = outcome.words if received is None else prepared.words(received)
                counting.examples[fate] = self._secrets.mask(words)[:_WORDS_MAX]
        counting.end(arrival.at_seconds, fate, times, without_retry_after=unexplained)
        report(self._environment, prepared, fate, times.latency, outcome.answer_bytes)

    # --------------------------------------------------------------------------------------------------------- health

    def _watch(self) -> None:
        """Look once a second at what this process uses, and whether somebody moved the clock."""
        gevent.sleep(max(0.0, self._begun_at - time.monotonic()))
        offset = time.time() - time.monotonic()
        began, first = time.monotonic(), time.process_time()
        judged_from = self._begun_at + self._plan.profile.warm_up_seconds
        looked_at, used = began, first
        try:
            while True:
                gevent.sleep(_LOOK_SECONDS)
                now, uses = time.monotonic(), time.process_time()
                if looked_at >= judged_from:
                    self._shares.append((uses - used) / (now - looked_at))
                looked_at, used = now, uses
                self._clock_step = max(self._clock_step, time.time() - time.monotonic() - offset, key=abs)
        finally:
            self._cpu_seconds = time.process_time() - first
            if not self._shares:  # too short to look at it more closely
                self._shares.append(self._cpu_seconds / max(time.monotonic() - began, _LOOK_SECONDS / 10))
            self._clock_step = max(self._clock_step, time.time() - time.monotonic() - offset, key=abs)


def report(environment: Environment, prepared: Prepared, fate: Fate, latency: float, answer_bytes: int) -> None:
    """Tell Locust of a request, for its statistics and its web page."""
    environment.events.request.fire(  # type: ignore[no-untyped-call]
        request_type=prepared.method,
        name=prepared.operation,
        response_time=latency * 1000,
        response_length=answer_bytes,
        exception=None if fate is Fate.OK else CatchResponseError(str(fate)),
        context={},
        response=None,
        url=prepared.url,
        start_time=time.time() - latency,
    )
