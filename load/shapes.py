"""Shapes: how the rate of arrivals goes over a run, each a class that the contract can name.

Every shape is a line through points (seconds, requests a second), so rate, expected number of arrivals and its inverse
are one piece of arithmetic for all of them. Rates are per second, times are seconds from the start of the run.
`docs/load/` has a picture of each (`python -m load.pictures`).
"""

from __future__ import annotations

import bisect
import itertools
import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from selfcheck.contract import Model

Rate = Annotated[float, Field(gt=0, le=100_000)]
Seconds = Annotated[float, Field(gt=0, le=7 * 86_400)]
Point = tuple[float, float]


class Line(Model):
    """Base of the shapes: what follows from the points that the rate goes through in straight lines."""

    def points(self) -> tuple[Point, ...]:
        """Give (seconds, rate) in order of time, from 0 to the end; the same time twice is a jump."""
        raise NotImplementedError

    @property
    def seconds(self) -> float:
        """How long arrivals go on."""
        return self.points()[-1][0]

    @property
    def rate_max(self) -> float:
        """The highest rate, in requests a second."""
        return max(rate for _, rate in self.points())

    @property
    def expected(self) -> float:
        """How many arrivals there are on average: the area under the line."""
        return Area(self.points()).total

    def rate_at(self, seconds: float) -> float:
        """Give the rate at a moment; 0 before the start and after the end."""
        points = self.points()
        if not 0 <= seconds <= points[-1][0]:
            return 0.0
        place = bisect.bisect_right(points, seconds, key=lambda point: point[0])
        if place == len(points):
            return points[-1][1]
        (start, first), (end, last) = points[place - 1], points[place]
        return first + (last - first) * (seconds - start) / (end - start)

    def scaled(self, *, rate: float = 1.0, seconds: float = 1.0) -> Points:
        """Give the same shape with all rates and times multiplied."""
        return Points(kind="points", through=tuple((at * seconds, value * rate) for at, value in self.points()))


class Area:
    """The area under a line of rates, and where it reaches a value: when the n-th arrival is due."""

    def __init__(self, points: tuple[Point, ...]) -> None:
        self._points = points
        pieces = ((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in itertools.pairwise(points))
        self._before = list(itertools.accumulate(pieces, initial=0.0))

    @property
    def total(self) -> float:
        """The whole area: the expected number of arrivals."""
        return self._before[-1]

    def reached_at(self, area: float) -> float:
        """Give the moment at which so much area is under the line; the end for more than there is.

        Between two points the rate is r(t) = r0 + a t, so the area r0 t + a t^2 / 2 is solved for t, in the form that
        loses no digits where a is small.
        """
        if area >= self.total:
            return self._points[-1][0]
        place = bisect.bisect_right(self._before, area) - 1
        (start, first), (end, last) = self._points[place], self._points[place + 1]
        missing = area - self._before[place]
        slope = (last - first) / (end - start)
        root = math.sqrt(max(0.0, first * first + 2 * slope * missing))
        return start + (2 * missing / (first + root) if first + root > 0 else 0.0)


class Constant(Line):
    """The same rate from the first second to the last."""

    kind: Literal["constant"]
    rate: Rate
    duration_seconds: Seconds

    def points(self) -> tuple[Point, ...]:
        """Give the points of the line."""
        return (0.0, self.rate), (self.duration_seconds, self.rate)


class Ramp(Line):
    """From one rate to another in a straight line, and then that rate for a while."""

    kind: Literal["ramp"]
    from_rate: Rate
    to_rate: Rate
    duration_seconds: Seconds
    hold_seconds: float = Field(0, ge=0)

    def points(self) -> tuple[Point, ...]:
        """Give the points of the line."""
        rise = (0.0, self.from_rate), (self.duration_seconds, self.to_rate)
        return (*rise, (self.duration_seconds + self.hold_seconds, self.to_rate)) if self.hold_seconds else rise


class Step(Line):
    """One rate after the other, each for the same time."""

    kind: Literal["step"]
    rates: tuple[Rate, ...] = Field(min_length=1)
    step_seconds: Seconds

    def points(self) -> tuple[Point, ...]:
        """Give the points of the line."""
        return tuple(
            (self.step_seconds * place, rate)
            for number, rate in enumerate(self.rates)
            for place in (number, number + 1)
        )


class Spike(Line):
    """A base rate, a sudden peak, and the base rate again, in which the platform is to recover by itself."""

    kind: Literal["spike"]
    base_rate: Rate
    peak_rate: Rate
    before_seconds: Seconds
    peak_seconds: Seconds
    after_seconds: Seconds

    def points(self) -> tuple[Point, ...]:
        """Give the points of the line."""
        rise = self.before_seconds
        fall = rise + self.peak_seconds
        end = fall + self.after_seconds
        base, peak = self.base_rate, self.peak_rate
        return (0.0, base), (rise, base), (rise, peak), (fall, peak), (fall, base), (end, base)


class Soak(Line):
    """A constant rate for long, after a gentle start: what grows shows here."""

    kind: Literal["soak"]
    rate: Rate
    start_seconds: Seconds
    duration_seconds: Seconds

    def points(self) -> tuple[Point, ...]:
        """Give the points of the line."""
        return (0.0, self.rate / 10), (self.start_seconds, self.rate), (self.duration_seconds, self.rate)

    @model_validator(mode="after")
    def _starts_before_it_ends(self) -> Soak:
        if self.start_seconds >= self.duration_seconds:
            message = "`start_seconds` must be less than `duration_seconds`"
            raise ValueError(message)
        return self


class Points(Line):
    """Any line: what a recorded rate series becomes, and what is left of a shape that was stretched."""

    kind: Literal["points"]
    through: tuple[Point, ...] = Field(min_length=2)

    def points(self) -> tuple[Point, ...]:
        """Give the points of the line."""
        return self.through

    @model_validator(mode="after")
    def _goes_on(self) -> Points:
        times = [at for at, _ in self.through]
        if times[0] != 0 or any(b < a for a, b in itertools.pairwise(times)) or times[-1] <= 0:
            message = "times must begin with 0 and never go back"
            raise ValueError(message)
        if any(not 0 <= rate < math.inf for _, rate in self.through) or not any(rate for _, rate in self.through):
            message = "rates must be finite, not negative, and not all 0"
            raise ValueError(message)
        return self


class Replay(Model):
    """What Prometheus recorded of the real rate, played again, faster or slower and higher or lower.

    `query` gives one series in requests a second; it becomes `Points` before a run (`recorded`).
    """

    kind: Literal["replay"]
    query: str
    window_seconds: Seconds = Field(description="How far back the recording begins.")
    step_seconds: Seconds
    rate_factor: float = Field(1, gt=0)
    speed: float = Field(1, gt=0, description="2 plays an hour in half an hour.")

    def recorded(self, samples: tuple[Point, ...]) -> Points:
        """Make a line of samples (Unix seconds, requests a second); raises ValueError for too few to play."""
        if len(samples) < 2:
            message = f"{self.query} has {len(samples)} samples in {self.window_seconds:g} s; a replay needs at least 2"
            raise ValueError(message)
        first = samples[0][0]
        through = tuple(((at - first) / self.speed, max(0.0, rate) * self.rate_factor) for at, rate in samples)
        return Points(kind="points", through=through)


Shape = Annotated[Constant | Ramp | Step | Spike | Soak | Points | Replay, Field(discriminator="kind")]
