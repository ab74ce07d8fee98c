"""Locust's users of the platform: one that arrivals come through, and the closed ones that wait for their answers."""

from __future__ import annotations

import math
import random
import time
from itertools import count
from typing import TYPE_CHECKING, ClassVar

import gevent
from locust import FastHttpUser, LoadTestShape, tag, task
from locust.exception import StopUser

from load.generator import fate_of, report
from load.plan import CLIENT_OWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from load.generator import Asker, Generator
    from load.plan import Operation
    from load.preparing import Prepared
    from load.shapes import Line
    from load.tallying import Key

_WEIGHTS = 1000
"""Locust takes whole numbers as weights; those of the contract are turned into parts of this one."""


class ArrivalUser(FastHttpUser):
    """Open arrivals, one user a process: its requests start when they are due, and not when an answer came.

    Locust may stop it and start it anew, as it does when it thinks that a worker was lost; the arrivals go on. The run
    alone ends them.
    """

    generator: ClassVar[Generator]

    @task
    def follow(self) -> None:
        """Be there for as long as arrivals go on."""
        self.generator.finished.wait()
        raise StopUser


class Pace:
    """Lets no more pass than so many a second, however many want to: each is given a moment, and waits for it."""

    def __init__(self, rate_max: float) -> None:
        self._gap_seconds = 1 / rate_max
        self._next_at = 0.0

    def wait(self) -> None:
        """Wait for the next moment that is free."""
        now = time.monotonic()
        moment = max(now, self._next_at)
        self._next_at = moment + self._gap_seconds
        if moment > now:
            gevent.sleep(moment - now)


class PlatformUser(FastHttpUser):
    """A closed user: asks, waits for the answer, thinks for a while, and asks again.

    The mix is that of the contract, and each operation is a task with its name as tag. Many such users say less of a
    platform than arrivals do: while it stalls, they wait. `platform_user` makes the class for a mix.
    """

    abstract = True
    prepared: ClassVar[Mapping[Key, Prepared]] = {}
    """What is sent; empty until the test begins, and users that start without it stop at once."""
    asker: ClassVar[Asker]
    pace: ClassVar[Pace]
    numbers: ClassVar[Iterator[int]] = count()
    _think_seconds = 0.0

    def on_start(self) -> None:
        """Begin, if there is something to do."""
        if not self.prepared:
            raise StopUser

    def wait_time(self) -> float:
        """Think about the last answer: the contract's time on average, so that users do not fall into step."""
        return random.uniform(0.5, 1.5) * self._think_seconds

    def carry_out(self, operation: Operation) -> None:
        """Send one request of an operation, and wait for its answer."""
        self.pace.wait()
        prepared = self.prepared[operation.name, CLIENT_OWN]
        request = prepared.request(next(self.numbers))
        asked = time.monotonic()
        outcome = self.asker.ask(prepared, request)
        seconds = time.monotonic() - asked
        report(self.environment, prepared, fate_of(prepared, outcome), seconds, outcome.answer_bytes)
        self._think_seconds = operation.think_seconds


def platform_user(operations: Sequence[Operation], pace: Pace) -> type[PlatformUser]:
    """Make the class of the closed users for a mix of operations."""
    whole = sum(operation.weight for operation in operations)
    weights = {_task(operation): max(1, round(operation.weight / whole * _WEIGHTS)) for operation in operations}
    return type("ClosedUser", (PlatformUser,), {"abstract": False, "tasks": weights, "pace": pace})


def _task(operation: Operation) -> Callable[[PlatformUser], None]:
    def carry_out(user: PlatformUser) -> None:
        user.carry_out(operation)

    carry_out.__name__ = operation.name
    carry_out.__doc__ = operation.says
    return tag(operation.name)(carry_out)


class LineShape(LoadTestShape):
    """A shape of arrivals for closed users: as many of them as would ask at its rate if answers took no time."""

    abstract = True
    line: ClassVar[Line]
    pause_seconds: ClassVar[float]
    """What a user thinks between two requests, on average."""

    def tick(self) -> tuple[int, float] | None:
        """Give how many users there should be now, and how fast they come; None at the end."""
        now: float = self.get_run_time()  # type: ignore[no-untyped-call]
        if now > self.line.seconds:
            return None
        users = max(1, math.ceil(self.line.rate_at(now) * self.pause_seconds))
        return users, users


def pause_seconds(operations: Sequence[Operation]) -> float:
    """Give what a user thinks between two requests, on average over the mix."""
    whole = sum(operation.weight for operation in operations)
    return sum(operation.weight * operation.think_seconds for operation in operations) / whole
