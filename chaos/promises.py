"""What must come of an experiment: a model for each kind of promise, shared by checks and judges.

A promise names its experiment. Its times are production timings, divided by the environment's `time_scale`, unless the
name ends in `_min`, which is the floor that real processes need, or says that it is real time.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from selfcheck.contract import Component, Name, Promise, Right

Above0 = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class OfExperiment(Promise):
    """Base of all promises of this area."""

    right: Right = Right.CHAOS
    requires: tuple[Component, ...] = (Component.APP,)
    experiment: Name

    @property
    def batch(self) -> str:
        """What belongs together in a run: the experiment."""
        return self.experiment


class Undone(OfExperiment):
    """The fault is gone when the experiment is over: its undo was read back, and nothing is left over."""


class Bites(OfExperiment):
    """The fault was there: read back where it was made, and seen through the probe that goes through it.

    Not seen is INCONCLUSIVE: nothing can be said of how the platform takes a fault that it did not get.
    `effect`: what the probe must show at least once while the fault is there. "fails": an answer that is not as
    promised; "slower": a median that is longer by `slower_seconds` than before the fault; "other": another provider
    answers than before; "none": reading back is enough (the platform is promised to hide it).
    """

    effect: Literal["fails", "slower", "other", "none"] = "fails"
    slower_seconds: float = Field(0.0, ge=0)


class Steady(OfExperiment):
    """All is well before the fault (else nothing is injected) and again after recovery: some promises of the gate."""

    looks: tuple[str, ...] = Field(min_length=1, description="Ids, or prefixes ending in `.*`.")
    stays: bool = Field(False, description="What was there before and is not there any more (NOT COVERED) fails.")


class Holds(OfExperiment):
    """Promises of the gate that hold while the fault is there, too: looked at when half of its time is over."""

    looks: tuple[str, ...] = Field(min_length=1, description="Ids, or prefixes ending in `.*`.")


class Answered(OfExperiment):
    """What a probe's callers get while the fault is there, from `after_seconds_min` (real time) on.

    A share that `requests_min` requests do not tell is INCONCLUSIVE. `codes`: every handled failure has one of these.
    `answered_by`: every success comes from one of these. `longest_seconds`: no request takes longer (real time);
    `longest_of` is the limit's dotted path on the health page instead, with `slack_seconds` on top.
    """

    probe: Name
    after_seconds_min: float = Field(0.0, ge=0)
    requests_min: int = Field(10, ge=1)
    ok_share_min: Share = 0.0
    ok_share_max: Share = 1.0
    codes: tuple[str, ...] = ()
    answered_by: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = Field((), description="The outcomes that may be; all when left out.")
    longest_seconds: float | None = None
    longest_of: str = ""
    slack_seconds: float = Field(1.0, ge=0)
    p95_seconds_max: float | None = None


class Breaker(OfExperiment):
    """A circuit breaker does its work on every replica; one promise an aspect.

    - "opens": after `failures` failures in a row, as callers see them;
    - "not_before": not after fewer;
    - "fails_fast": while it is open, refusals (`code`) come within `fast_seconds` (real time);
    - "half_open": after the open time (`timeout_of` on the health page) as many trials as `trials` go through, and
      while one of them is under way nobody else does;
    - "closes": it is closed within the open time and `slack_seconds` of the undo;
    - "stays_closed": it never opens (for faults that are no outage);
    - "gauge": the metric says what callers see, within `lag_seconds`;
    - "page": the page of providers likewise;
    - "reset": the experiment's reset closes it at once: several requests in a row are let through after it, while the
      fault is still there;
    - "ratio": the watched figure `watch` is the mean of the gauges, within a scrape and an evaluation.
    """

    aspect: Literal[
        "opens", "not_before", "fails_fast", "half_open", "closes", "stays_closed", "gauge", "page", "ratio", "reset"
    ]
    probe: Name
    key: str = Field(description="The breaker's label value.")
    code: str = Field(description="The code of what an open breaker refuses.")
    failures_of: str = Field(description="Dotted path on the health page: failures that open it.")
    failures: int = Field(5, ge=1, description="Where the page does not say.")
    timeout_of: str = Field(description="Dotted path on the health page: seconds that it stays open.")
    timeout_seconds: Above0 = Field(60, description="Where the page does not say; production timing.")
    trials: int = Field(1, ge=1, description="Requests that a half-open breaker lets through at a time.")
    fast_seconds: Above0 = 0.5
    lag_seconds: Above0 = 1.5
    slack_seconds: Above0 = 3.0
    watch: Name = "breakers_open_ratio"
    uncounted: tuple[str, ...] = Field((), description="Codes of failures that never come to the breaker.")
    shared: bool | None = Field(
        None, description="Whether replicas share its state; when left out, the answers tell as far as they do."
    )
    requests: str = Field("", description="The counter of requests by which others' part in its failures is bounded.")
    requests_labels: dict[str, str] = Field(default_factory=dict, description="Which of its series count.")
    errors: str = Field("", description="The counter of failures by which all of them are bounded; same labels.")
    errors_code: str = Field("code", description="Its label that tells what was refused from what failed.")
    probes: tuple[Name, ...] = Field((), description="All probes that it counts, when there are more than `probe`.")
    under_way_seconds: float = Field(0.5, ge=0, description="So long after a failure it is counted (real time).")


class Discreet(OfExperiment):
    """What callers are told while the fault is there gives nothing away of the inside, as the gate has it of errors."""


class Counted(OfExperiment):
    """A counter moves as callers see it: by as many as its replicas' probes failed with `code`, other traffic aside.

    Less is a FAIL. Without a `code` it is all that failed. `labels` pick the series; `{code}` in them is the code that
    callers were told, each for itself. `never` are label sets that must not move beyond `never_most`.
    """

    probe: Name
    counter: str
    labels: dict[str, str]
    code: str = ""
    never: tuple[dict[str, str], ...] = ()
    never_most: int = Field(0, ge=0)


class Averaged(OfExperiment):
    """A moving average of errors follows what callers of a replica see: it rises with failures and falls after them.

    What exactly it averages, and how fast, is the platform's choice: that it does not move at all is a FAIL, with at
    least `failures_min` failures of the replica's probes, or as many successes after them. It stays within 0 and 1.
    Where a replica has no success at all while the fault is there, it does not sink to less than half either.
    """

    probe: Name
    gauge: str
    failures_min: int = Field(5, ge=1)
    counter: str = Field("", description="Counts the requests that are averaged; empty: successes cannot be told.")
    good: dict[str, str] = Field(default_factory=dict, description="Labels of those that succeeded.")


class Repeated(OfExperiment):
    """A file that was sent while the fault was there is read well once all has recovered, by whom it is meant for.

    `fails`: it must have failed meanwhile, or nothing of that can have been kept. The others are names in the answer.
    """

    repeat: Name
    fails: bool = False
    success: str
    provider: str
    answered_by: str


class Alerted(OfExperiment):
    """An alert goes its whole way: pending, firing, routed, delivered, resolved, and the end delivered.

    Which alert is said by what it reads (`reads`: any of these metrics, also through recording rules) and by the labels
    that it has (`labels`). It must not fire before its `for` is over, counted from the fault, nor later than
    `within_seconds`; it must be resolved within `resolved_within_seconds` of the undo. `slack_seconds` (real time) come
    on top of each upper bound.
    """

    reads: tuple[str, ...] = Field(min_length=1)
    labels: dict[str, str] = Field(default_factory=dict)
    severities: tuple[str, ...] = ("critical", "warning")
    within_seconds: Above0 = 900
    resolved_within_seconds: Above0 = 1800
    slack_seconds: Above0 = 12.0
    delivered: bool = True
    once: bool = Field(False, description="It is delivered as firing once only, for each alert and repeat interval.")
    late: bool = Field(False, description="Delivered after the undo only: what delivers it was away.")


class Unalerted(OfExperiment):
    """No alert fires but those that this fault explains: those that read any of `reads`, or only `info`."""

    reads: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ("info", "none")


class Ordered(OfExperiment):
    """Alerts on how fast the error budget burns come in the order of their windows: the shortest, the fastest, first.

    They are told by what they read (`reads`) and by the two windows that they compare, never by name. Longer windows
    forget more slowly, so that what burns fast enough for the first is told by the others later. A longer one may come
    earlier by two evaluations: rules are evaluated one after the other.
    """

    reads: tuple[str, ...] = Field(min_length=1)


class Recovers(OfExperiment):
    """From the undo until every probe is answered as before, breakers are closed and all replicas answer."""

    within_seconds: Above0 = Field(120, description="Production timing.")
    within_seconds_min: Above0 = 10.0
    window_seconds: Above0 = Field(2.0, description="Real time for which all must be well.")


class Responsive(OfExperiment):
    """A replica answers what needs nothing of what is broken, its metrics page, as soon as before the fault.

    Of the answers at most `share_max` take longer than `slow_seconds` (real time) and `times` the median of before: a
    process that does nothing else while it waits, or sleeps before it tries again, holds up everybody.
    """

    slow_seconds: Above0 = 0.2
    times: float = Field(5.0, gt=1)
    share_max: Share = 0.1
    readings_min: int = Field(15, ge=1)


class Frees(OfExperiment):
    """What a process opened while the fault was there is closed again once all has recovered.

    Compared are the most that was open before the fault and the least in the last `window_seconds` (real time). Pools
    of connections may have grown: `more_most` more, or `share_most` of what was open before, are nothing to speak of.
    """

    gauge: str = Field(description="Open file descriptors of a process.")
    window_seconds: Above0 = 2.0
    more_most: int = Field(20, ge=0)
    share_most: float = Field(0.5, ge=0)


class Lost(OfExperiment):
    """Few enough requests are lost: probes through the load balancer, and the background load.

    Lost is what got no answer of the platform: a broken connection, a gateway's 5xx, no answer in time. An answer that
    takes longer than `late_seconds` (real time) is as good as none.
    """

    probes: tuple[Name, ...] = ()
    most: int = Field(0, ge=0)
    share_max: Share = 0.0
    outage_seconds_max: float | None = Field(None, description="Contiguous failing time, real time.")
    late_seconds: Above0 = 15.0


class Rotation(OfExperiment):
    """A replica that is gone is noticed, and so is its return.

    The watched figure `watch` falls below that of before within `within_seconds_min` of the fault (real time), and is
    back within as long of the undo.
    """

    watch: Name
    within_seconds_min: Above0 = 10.0


class Told(OfExperiment):
    """The page of readiness says that a dependency is away, on every replica, and that it is back.

    `check` (its name on that page) reads as not well from `within_seconds_min` after the fault (real time) until the
    undo, and as well from as long after the undo. Whether the replica calls itself ready meanwhile is its own affair.
    """

    check: str = Field(min_length=1)
    within_seconds_min: Above0 = 5.0


class Burns(OfExperiment):
    """The error ratio that Prometheus works out is what the replicas count, within `tolerance` (absolute).

    Of the requests in `counters`, those are failed whose `label` is none of `good`. The replicas are read one by one:
    a rule that leaves out a replica, a counter or a status shows, whoever sends the requests.
    """

    watch: Name
    counters: tuple[str, ...] = Field(min_length=1)
    label: str = "status"
    good: tuple[str, ...] = Field(min_length=1)
    tolerance: Share = 0.1
    window_seconds: Above0 = Field(300, description="Of the ratio, production timing.")


class Kept(OfExperiment):
    """What was acknowledged is not lost: the store has grown by as many rows as the requests that the replicas counted.

    `query` gives the number of rows until a moment, `counter` counts what is stored. A row more is none too many.
    """

    query: str = Field(min_length=1, description="`{until}` stands for the moment, in Unix seconds.")
    lag_seconds: float = Field(6.0, ge=0, description="So long after recovery a row may come late (real time).")
    counter: str
    lost_most: int = Field(0, ge=0)


class Dated(OfExperiment):
    """The store has the requests of the time of the fault at their own time, each once.

    As many rows are of that time as the replicas counted then, give or take `share_tolerated` and `rows_tolerated`:
    clocks differ, and a request is counted a moment before or after it is noted. None of them is there twice.
    """

    query: str = Field(min_length=1, description="Number of rows from `{since}` to `{until}`, in Unix seconds.")
    twice: str = Field(min_length=1, description="How many of these rows say the same as another one.")
    counter: str
    share_tolerated: Share = 0.15
    rows_tolerated: int = Field(5, ge=0)


class Driven(OfExperiment):
    """There was enough traffic to judge by; less is INCONCLUSIVE."""

    answered_share_min: Share = 0.98
    requests_min: int = Field(20, ge=1)


class Figured(OfExperiment):
    """The manual's figures of an incident are told: time to detect, to mitigate, to recover, what it cost.

    Never a FAIL unless a limit is given; figures that cannot be told are INCONCLUSIVE where one is.
    """

    detect_seconds_max: float | None = Field(None, description="Production timing, from effect to delivered alert.")
    detect_seconds_min: Above0 = 20.0
    ignored: tuple[str, ...] = Field(("info", "none"), description="Alerts of these severities detect nothing.")
