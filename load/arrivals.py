"""Arrivals: when each request of a run should start, known before the first is sent and independent of any answer.

That independence is the point. Users who wait for their answer before they ask again send little while a server stalls,
and a stall of a second then shows as one slow request instead of as every request that should have been sent meanwhile
(coordinated omission). Here the clock sends them.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from load.shapes import Area

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from load.shapes import Line


class Spacing(StrEnum):
    """How arrivals lie on the line of a shape."""

    EVEN = "even"
    """At equal distances in expected arrivals: the n-th when n - 1/2 are due. Repeatable to the microsecond."""
    POISSON = "poisson"
    """At random and independent of each other, as many clients that know nothing of each other arrive."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request to start: its number in the whole run, when, of which operation, and as which client."""

    number: int
    at_seconds: float
    operation: str
    client: str


def due(line: Line, spacing: Spacing, seed: int) -> Iterator[float]:
    """Give the moments of all arrivals, in seconds from the start, in order.

    Poisson arrivals of a changing rate are those of rate 1 seen through the inverse of the area under the rate
    (time-rescaling theorem).
    """
    area = Area(line.points())
    if spacing is Spacing.EVEN:
        count = round(area.total)
        scale = area.total / count if count else 1.0
        yield from (area.reached_at((number + 0.5) * scale) for number in range(count))
        return
    dice = random.Random(f"{seed}/moments")
    passed = dice.expovariate(1.0)
    while passed < area.total:
        yield area.reached_at(passed)
        passed += dice.expovariate(1.0)


def arrivals(
    line: Line,
    spacing: Spacing,
    seed: int,
    mix: Sequence[tuple[str, float]],
    clients: Sequence[str],
) -> Iterator[Arrival]:
    """Give all arrivals of a run: the same for the same arguments, in every process.

    `mix` has the operations with their weights, of which each arrival draws one; clients take turns.
    """
    dice = random.Random(f"{seed}/operations")
    names = [name for name, _ in mix]
    bounds = list(itertools.accumulate(weight for _, weight in mix))
    turns = dict.fromkeys(names, 0)
    for number, at_seconds in enumerate(due(line, spacing, seed)):
        (operation,) = dice.choices(names, cum_weights=bounds)
        client = clients[turns[operation] % len(clients)]
        turns[operation] += 1
        yield Arrival(number, at_seconds, operation, client)


def share(every: Iterator[Arrival], worker: int, workers: int) -> Iterator[Arrival]:
    """Give what one of several workers starts: every arrival belongs to exactly one of them."""
    return itertools.islice(every, worker, None, workers)
