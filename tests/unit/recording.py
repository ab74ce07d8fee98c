"""Makes small records of load tests: only what a case is about needs to be said, the rest is a healthy run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from load import promises
from load.evidence import Evidence
from load.plan import Operation, Profile
from load.record import Block, Course, Fate, Measured, Record, Tally, Worker, encoded, new_histogram
from tests.unit.making import promise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

OK = Fate.OK
LINE = ((0.0, 10.0), (20.0, 10.0))
"""200 arrivals, evenly spaced: 180 of them after the warm-up of two seconds."""
WARM_UP_SECONDS = 2.0


def histogram(seconds: Iterable[float]) -> str:
    """Encode a histogram of durations; without any it is the empty text."""
    made = new_histogram()
    every = Counter(seconds)
    for duration, count in every.items():
        made.record_value(round(duration * 1e6), count)
    return encoded(made) if every else ""


def tally(
    operation: str = "ocr",
    client: str = "own",
    *,
    ok: int | Sequence[float] = 0,
    sent: Sequence[float] | None = None,
    dropped: int = 0,
    late: int = 0,
    planned: int | None = None,
    blocks: Sequence[Block] | None = None,
    examples: Mapping[Fate, str] | None = None,
    silent: int = 0,
    **fates: int,
) -> Tally:
    """Make a tally; other fates than `ok` are given by name.

    `ok` has the latencies of good answers, or how many took a tenth of a second; `sent` likewise from when they were
    sent. Without blocks there is one, with everything.
    """
    latencies = [0.1] * ok if isinstance(ok, int) else list(ok)
    counts = {Fate.OK: len(latencies), **{Fate(name): count for name, count in fates.items()}}
    started = sum(counts.values())
    every = started + dropped if planned is None else planned
    whole = (Block(number=0, planned=every, fates=counts, latency=histogram(latencies)),)
    return Tally(
        operation=operation,
        client=client,
        planned=every,
        started=started,
        late=late,
        dropped=dropped,
        fates=counts,
        examples=examples or {},
        limited_without_retry_after=silent,
        latency=histogram(latencies),
        service=histogram(latencies if sent is None else sent),
        blocks=whole if blocks is None else tuple(blocks),
    )


def blocks(*latencies: Sequence[float], first: int = 0) -> list[Block]:
    """Make blocks of good answers, one after the other."""
    return [
        Block(number=number, planned=len(each), fates={Fate.OK: len(each)}, latency=histogram(each))
        for number, each in enumerate(latencies, first)
    ]


def worker(*, lag: Iterable[float] = (0.001,) * 200, **fields: Any) -> Worker:
    """Make a worker that kept up, with all the arrivals of `LINE`."""
    return Worker.model_validate(
        {
            "index": 0,
            "pid": 1,
            "reported": True,
            "arrivals": 200,
            "lag": histogram(lag),
            "cpu_share_mean": 0.2,
            **fields,
        }
    )


def record(*tallies: Tally, **fields: Any) -> Record:
    """Make the record of a healthy run of 20 seconds with these tallies."""
    return Record.model_validate(
        {
            "run_id": "run1",
            "profile": "steady",
            "environment": "local",
            "base_url": "http://platform",
            "started_at": "2023-11-14T22:13:20Z",
            "started_unix_seconds": 1_700_000_000.0,
            "seed": 1,
            "spacing": "even",
            "line": LINE,
            "warm_up_seconds": WARM_UP_SECONDS,
            "block_seconds": 1.0,
            "elapsed_seconds": 20.5,
            "workers": (worker(),),
            "tallies": tallies,
            **fields,
        }
    )


GENERATOR = {
    "id": "load.generator",
    "lag_p99_seconds_max": 0.1,
    "late_share_max": 0.05,
    "cpu_share_mean_max": 0.85,
    "clock_step_seconds_max": 0.5,
}


def evidence(
    *tallies: Tally, quantiles: tuple[float, ...] = (0.5, 0.95), profile: Mapping[str, Any] | None = None, **fields: Any
) -> Evidence:
    """Make what judges judge; `profile` has fields of the profile, `fields` those of the record."""
    made = Profile.model_validate(
        {
            "name": "steady",
            "says": "a profile for tests",
            "shape": {"kind": "constant", "rate": 10, "duration_seconds": 20},
            "quantiles": quantiles,
            "warm_up_seconds": WARM_UP_SECONDS,
            "request_timeout_seconds": 30,
            "drain_seconds": 5,
            "in_flight_max": 64,
            **(profile or {}),
        }
    )
    names = {"ocr": False, "compare": False, "classify": True, "classify_batch": True}
    return Evidence(
        record=record(*tallies, **fields),
        profile=made,
        operations={
            name: Operation(name=name, says="an operation", act="an_act", weight=1, rate_limited=limited)
            for name, limited in names.items()
        },
        generators=(promise(promises.Generator, **GENERATOR),),
    )


def measured(
    promise_id: str = "area.promise", *, buckets: Sequence[tuple[float, float]] = (), trouble: str = "", **values: float
) -> dict[str, Measured]:
    """Make what Prometheus says of the promise that is judged."""
    return {promise_id: Measured(values=values, buckets=tuple(buckets), trouble=trouble, asked="GET prometheus")}


def courses(*series: Sequence[tuple[float, float]], **labels: str) -> dict[str, tuple[Course, ...]]:
    """Make series of the promise that is judged; all have these labels and a number."""
    return {
        "area.promise": tuple(
            Course(labels={**labels, "replica": str(number)}, samples=tuple(samples))
            for number, samples in enumerate(series, 1)
        )
    }
