"""Counting what becomes of requests, and adding up what several processes counted; how they are sent is not known here.

While a run goes on, latencies of blocks are kept as plain numbers: a histogram for each block and operation would take
170 kB each, and most blocks hold a few dozen requests.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from load.arrivals import arrivals, share
from load.record import LATE_SECONDS, Block, Durations, Fate, Tally, encoded, new_histogram, note

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from load.arrivals import Arrival
    from load.plan import Plan

Key = tuple[str, str]
"""An operation and a client."""


class Times(NamedTuple):
    """How a request went, in seconds: how late it was sent, and how long it took since it was due, and since then."""

    late: float
    latency: float
    service: float


class BlockCounting:
    """What becomes of the arrivals of one block, so far."""

    __slots__ = ("fates", "latencies", "planned")

    def __init__(self) -> None:
        self.planned = 0
        self.fates: Counter[Fate] = Counter()
        self.latencies = array("d")

    def block(self, number: int) -> Block:
        """Give the block as it is recorded."""
        histogram = new_histogram()
        for seconds in self.latencies:
            note(histogram, seconds)
        text = encoded(histogram) if self.latencies else ""
        return Block(number=number, planned=self.planned, fates=dict(self.fates), latency=text)


class Counting:
    """What becomes of the requests of one operation as one client, so far."""

    def __init__(self, operation: str, client: str, plan: Plan) -> None:
        self._operation = operation
        self._client = client
        self._warm_up_seconds = plan.profile.warm_up_seconds
        self._block_seconds = plan.profile.block_seconds
        self._planned = self._late = self._dropped = self._without_retry_after = 0
        self._fates: Counter[Fate] = Counter()
        self._latency = new_histogram()
        self._service = new_histogram()
        self._blocks: defaultdict[int, BlockCounting] = defaultdict(BlockCounting)
        self.examples: dict[Fate, str] = {}

    def plan(self, at_seconds: float) -> None:
        """Count an arrival that is due."""
        self._planned += at_seconds >= self._warm_up_seconds
        self._blocks[int(at_seconds / self._block_seconds)].planned += 1

    def drop(self, at_seconds: float) -> None:
        """Count an arrival that is due and is not sent."""
        self._dropped += at_seconds >= self._warm_up_seconds

    def end(self, at_seconds: float, fate: Fate, times: Times, *, without_retry_after: bool = False) -> None:
        """Count a request that was sent, and what became of it."""
        block = self._blocks[int(at_seconds / self._block_seconds)]
        block.fates[fate] += 1
        if fate is Fate.OK:
            block.latencies.append(times.latency)
        if at_seconds < self._warm_up_seconds:
            return
        self._late += times.late > LATE_SECONDS
        self._fates[fate] += 1
        self._without_retry_after += without_retry_after
        if fate is Fate.OK:
            note(self._latency, times.latency)
            note(self._service, times.service)

    def tally(self) -> Tally:
        """Give the tally as it is recorded."""
        return Tally(
            operation=self._operation,
            client=self._client,
            planned=self._planned,
            started=self._fates.total(),
            late=self._late,
            dropped=self._dropped,
            fates=dict(self._fates),
            examples=self.examples,
            limited_without_retry_after=self._without_retry_after,
            latency=encoded(self._latency),
            service=encoded(self._service),
            blocks=tuple(counted.block(number) for number, counted in sorted(self._blocks.items())),
        )


def countings(plan: Plan) -> dict[Key, Counting]:
    """Give a counting for each operation and client of a plan."""
    return {
        (operation.name, client): Counting(operation.name, client, plan)
        for operation in plan.operations
        for client in plan.clients
    }


def schedule(plan: Plan) -> Iterator[Arrival]:
    """Give all arrivals of a plan."""
    return arrivals(plan.line, plan.profile.spacing, plan.seed, plan.mix, plan.clients)


def lost(plan: Plan, workers: Iterable[int], until_seconds: float) -> list[Tally]:
    """Give the tallies of workers of whom nothing is known: what they should have started until then, and no more."""
    every = countings(plan)
    for worker in workers:
        for arrival in share(schedule(plan), worker, plan.workers):
            if arrival.at_seconds > until_seconds:
                break
            every[arrival.operation, arrival.client].plan(arrival.at_seconds)
    return [counting.tally() for counting in every.values()]


def merged(plan: Plan, tallies: Iterable[Tally]) -> tuple[Tally, ...]:
    """Add up the tallies of several processes, without loss, in the order of the plan."""
    parts: defaultdict[Key, list[Tally]] = defaultdict(list)
    for tally in tallies:
        parts[tally.operation, tally.client].append(tally)
    return tuple(_sum(parts[key]) for key in countings(plan) if key in parts)


def _sum(parts: Sequence[Tally]) -> Tally:
    blocks: defaultdict[int, list[Block]] = defaultdict(list)
    for part in parts:
        for block in part.blocks:
            blocks[block.number].append(block)
    examples: dict[Fate, str] = {}
    for part in parts:
        examples = {**part.examples, **examples}
    return Tally(
        operation=parts[0].operation,
        client=parts[0].client,
        planned=sum(part.planned for part in parts),
        started=sum(part.started for part in parts),
        late=sum(part.late for part in parts),
        dropped=sum(part.dropped for part in parts),
        fates=_fates(part.fates for part in parts),
        examples=examples,
        limited_without_retry_after=sum(part.limited_without_retry_after for part in parts),
        latency=_histogram(part.latency for part in parts),
        service=_histogram(part.service for part in parts),
        blocks=tuple(
            Block(
                number=number,
                planned=sum(block.planned for block in same),
                fates=_fates(block.fates for block in same),
                latency=_histogram(block.latency for block in same),
            )
            for number, same in sorted(blocks.items())
        ),
    )


def _fates(parts: Iterable[Mapping[Fate, int]]) -> dict[Fate, int]:
    whole: Counter[Fate] = Counter()
    for part in parts:
        whole.update(part)
    return dict(whole)


def _histogram(texts: Iterable[str]) -> str:
    filled = [text for text in texts if text]
    return filled[0] if len(filled) == 1 else encoded(Durations.of(filled).histogram) if filled else ""
