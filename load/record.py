"""The record of a load test: all that was observed, as plain data, so that a saved run can be judged again.

Latencies are kept in HdrHistograms, which add up without loss: those of all workers, all blocks, all runs. Each request
is in two: *latency* counts from when it should have started, *service time* from when it was really sent. Where a
generator waits for answers only the second is measured, and it hides every request that was not sent meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from hdrh.histogram import HdrHistogram
from pydantic import ConfigDict, Field

from load.plan import LATENCY_MAX_SECONDS
from selfcheck.contract import Model

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA_VERSION = 1
_MICROSECONDS = 1_000_000
_DIGITS = 3  # one part in a thousand


class Fate(StrEnum):
    """What became of a request that was started."""

    OK = "ok"
    """The answer is the promised one."""
    LIMITED = "limited"
    """HTTP 429: the platform's rate limit; an answer where the operation is limited, else an error."""
    WRONG = "wrong"
    """An answer other than the promised one, and no server error."""
    SERVER_ERROR = "server_error"
    """HTTP 5xx."""
    TIMEOUT = "timeout"
    """No complete answer within the profile's `request_timeout_seconds`."""
    CONNECTION = "connection"
    """Refused, reset, or closed half way."""
    LOCAL = "local"
    """Nothing left this machine: no file handle, no port. The generator's own failure."""
    UNFINISHED = "unfinished"
    """Still under way when the run ended."""


ERRORS = (Fate.WRONG, Fate.SERVER_ERROR, Fate.TIMEOUT, Fate.CONNECTION, Fate.UNFINISHED)
"""The fates that count against the platform."""


def new_histogram() -> HdrHistogram:
    """Give an empty histogram of microseconds, exact to one part in a thousand."""
    return HdrHistogram(1, int(LATENCY_MAX_SECONDS * _MICROSECONDS), _DIGITS)


def note(histogram: HdrHistogram, seconds: float) -> None:
    """Count a duration; below a microsecond as one, above the longest as the longest."""
    histogram.record_value(min(max(1, round(seconds * _MICROSECONDS)), int(LATENCY_MAX_SECONDS * _MICROSECONDS)))


def encoded(histogram: HdrHistogram) -> str:
    """Give a histogram as text (base64 of the compressed form that all HdrHistogram libraries read)."""
    text = histogram.encode()
    return text.decode("ascii") if isinstance(text, bytes) else str(text)


class Durations:
    """What a histogram says, in seconds."""

    def __init__(self, histogram: HdrHistogram) -> None:
        self.histogram = histogram

    @classmethod
    def of(cls, texts: Iterable[str]) -> Durations:
        """Add up encoded histograms; an empty text is an empty histogram."""
        whole = new_histogram()
        for text in texts:
            if text:
                whole.decode_and_add(text)
        return cls(whole)

    @property
    def count(self) -> int:
        """How many durations there are."""
        return int(self.histogram.get_total_count())

    def quantile(self, q: float) -> float:
        """Give the q-quantile (0..1) in seconds; not a number when there is nothing."""
        return self.histogram.get_value_at_percentile(q * 100) / _MICROSECONDS if self.count else float("nan")

    @property
    def mean(self) -> float:
        """The mean in seconds; not a number when there is nothing."""
        return float(self.histogram.get_mean_value()) / _MICROSECONDS if self.count else float("nan")

    @property
    def longest(self) -> float:
        """The longest in seconds; not a number when there is nothing."""
        return float(self.histogram.get_max_value()) / _MICROSECONDS if self.count else float("nan")

    def above(self, seconds: float) -> int:
        """Count the durations that are longer, to the histogram's precision.

        Summed up as an array: the library's own iterators take a hundred times as long, and judges ask often.
        """
        limit = min(round(seconds * _MICROSECONDS), int(LATENCY_MAX_SECONDS * _MICROSECONDS))
        return sum(self.histogram.counts[self.histogram.get_counts_array_index(limit) + 1 :])


class Block(Model):
    """What happened to the arrivals of a stretch of time, by when they were due."""

    number: int = Field(ge=0, description="Block n covers n to n + 1 times the profile's block_seconds.")
    planned: int = 0
    fates: Mapping[Fate, int] = Field(default_factory=dict)
    latency: str = Field("", description="Encoded histogram; of requests that were answered as promised.")


class Tally(Model):
    """What happened to one operation as one client.

    Counts, histograms and examples leave out the warm-up; blocks have it. `planned` arrivals were due; those `dropped`
    were not sent because too many were under way; the rest was `started`, `late` ones of them more than
    `LATE_SECONDS` after they were due. Every started request has one fate. Histograms hold the requests that were
    answered as promised: an error that comes fast is no achievement.
    """

    operation: str
    client: str
    planned: int = Field(ge=0)
    started: int = Field(ge=0)
    late: int = Field(ge=0)
    dropped: int = Field(ge=0)
    fates: Mapping[Fate, int]
    examples: Mapping[Fate, str] = Field(
        default_factory=dict, description="The first of each fate but `ok`: what came back, in a few words."
    )
    limited_without_retry_after: int = Field(0, ge=0)
    latency: str = Field(description="Encoded histogram, from when a request was due.")
    service: str = Field(description="Encoded histogram, from when it was really sent.")
    blocks: tuple[Block, ...] = ()

    def fate(self, *fates: Fate) -> int:
        """Count the requests of any of these fates."""
        return sum(self.fates.get(fate, 0) for fate in fates)


LATE_SECONDS = 0.050
"""Requests that start so much after they were due are counted as late."""


class Worker(Model):
    """How one process of the generator fared: whether the figures are the platform's or its own."""

    index: int = Field(ge=0)
    pid: int
    reported: bool = Field(description="False for a worker that was lost; then nothing else is known of it.")
    arrivals: int = Field(0, ge=0, description="How many were its share, warm-up included.")
    lag: str = Field("", description="Encoded histogram: how long after it was due the generator took up an arrival.")
    cpu_share_mean: float = Field(0, ge=0, description="Of one core.")
    cpu_share_max: float = Field(0, ge=0, description="The highest over one second.")
    cpu_seconds: float = Field(0, ge=0)
    in_flight_max: int = Field(0, ge=0, description="The most requests under way at once.")
    clock_step_seconds: float = Field(
        0, description="How far the wall clock moved against the monotonic one during the run."
    )


class Measured(Model):
    """What the server's side says of a promise, or why it says nothing."""

    # The last bucket of every histogram reaches to infinity, which JSON cannot say as a number.
    model_config = ConfigDict(ser_json_inf_nan="strings")

    values: Mapping[str, float] = Field(default_factory=dict, description="By name, in base units.")
    buckets: tuple[tuple[float, float], ...] = Field((), description="(upper bound in seconds, cumulative count)")
    trouble: str = ""
    asked: str = ""


class Course(Model):
    """One series over the run: a replica's memory, the rate of cache hits."""

    model_config = ConfigDict(ser_json_inf_nan="strings")

    labels: Mapping[str, str]
    samples: tuple[tuple[float, float], ...] = Field(description="(seconds since the start of the run, value)")


class Record(Model):
    """One load test."""

    model_config = ConfigDict(ser_json_inf_nan="strings")

    schema_version: int = SCHEMA_VERSION
    run_id: str
    profile: str
    environment: str
    base_url: str
    started_at: str = Field(description="ISO 8601, UTC: when the first arrival was due.")
    started_unix_seconds: float
    seed: int
    spacing: str
    line: tuple[tuple[float, float], ...] = Field(description="(seconds, requests a second) that were planned")
    warm_up_seconds: float
    block_seconds: float
    elapsed_seconds: float
    interrupted: bool = Field(False, description="Ended by Ctrl-C, SIGTERM or the deadline: a part of what was planned")
    ended_by: str = ""
    workers: tuple[Worker, ...]
    tallies: tuple[Tally, ...]
    measured: Mapping[str, Measured] = Field(default_factory=dict, description="By promise id.")
    courses: Mapping[str, tuple[Course, ...]] = Field(default_factory=dict, description="By promise id.")
    left_out: Mapping[str, str] = Field(
        default_factory=dict, description="Operations of the profile that could not be asked for, and why."
    )
    limits: Mapping[str, float] = Field(
        default_factory=dict, description="What the platform said of its own limits when the run began."
    )

    def of(self, operation: str | None = None, client: str | None = None) -> list[Tally]:
        """Give the tallies of an operation, of a client, or both; all without arguments."""
        return [
            tally for tally in self.tallies if operation in (None, tally.operation) and client in (None, tally.client)
        ]

    def latency(self, *operations: str) -> Durations:
        """Give the latencies of some operations together; of all when none is named."""
        return Durations.of(tally.latency for tally in self.tallies if not operations or tally.operation in operations)

    def service(self, *operations: str) -> Durations:
        """Give the service times likewise."""
        return Durations.of(tally.service for tally in self.tallies if not operations or tally.operation in operations)

    @property
    def judged_seconds(self) -> float:
        """How long arrivals went on after the warm-up."""
        return max(0.0, min(self.line[-1][0], self.elapsed_seconds) - self.warm_up_seconds)


def write(record: Record, path: Path) -> None:
    """Write a record by rename, so that whoever reads it never sees half of one."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(record.model_dump_json(indent=1), encoding="utf-8")
    fresh.replace(path)


def read(path: Path) -> Record:
    """Read a record; raises OSError, or ValueError for what is none (pydantic says where)."""
    return Record.model_validate_json(path.read_text(encoding="utf-8"))
