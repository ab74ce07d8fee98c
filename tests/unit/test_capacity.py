"""The search for the capacity: what it finds, what does not mislead it, and what the report says of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from load import capacity
from load.capacity import Ending, Held, Phase, Step, Today, Trial
from load.promises import Search
from selfcheck.verdict import failed, inconclusive, not_covered, passed
from tests.unit.recording import record, tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from selfcheck.verdict import Verdict

YES, NO, UNKNOWN = Held.YES, Held.NO, Held.UNKNOWN


def platform(limit: float, *, unlucky: tuple[int, ...] = ()) -> Callable[[float, Phase], Step]:
    """Hold up to a rate; runs with these numbers fail all the same."""
    runs = iter(range(1000))

    def run(rate: float, phase: Phase) -> Step:
        return Step(rate, YES if rate <= limit and next(runs) not in unlucky else NO, phase)

    return run


@pytest.mark.parametrize("limit", [11.0, 37.0, 100.0, 333.0])
@pytest.mark.parametrize("precision", [0.3, 0.1, 0.02])
def test_the_capacity_lies_between_the_bounds(limit: float, precision: float) -> None:
    found = capacity.search(platform(limit), start=10, ceiling=1000, precision=precision, runs_max=60)
    assert found.ending is Ending.FOUND
    assert found.broken_at is not None
    assert found.capacity <= limit < found.broken_at
    assert found.broken_at - found.capacity <= precision * found.broken_at
    assert (found.confirmed, [step.phase for step in found.steps[-3:]]) == (3, [Phase.CONFIRM] * 3)


def test_a_platform_that_holds_everything_is_tried_up_to_the_ceiling() -> None:
    found = capacity.search(platform(10_000), start=10, ceiling=100)
    assert (found.ending, found.capacity, found.broken_at, found.confirmed) == (Ending.CEILING, 100, None, 3)


def test_no_rate_is_above_the_ceiling() -> None:
    found = capacity.search(platform(10_000), start=500, ceiling=100)
    assert {step.rate for step in found.steps} == {100}


def test_a_start_that_is_too_high_goes_down() -> None:
    found = capacity.search(platform(4), start=50, ceiling=1000, runs_max=60)
    assert (found.ending, 3.5 < found.capacity <= 4) == (Ending.FOUND, True)


def test_a_platform_that_holds_nothing() -> None:
    found = capacity.search(platform(0), start=10, ceiling=1000, runs_max=60)
    assert (found.ending, found.capacity, found.confirmed) == (Ending.NOTHING_HELD, 0, 0)
    assert min(step.rate for step in found.steps) >= 10 / 32


def test_one_bad_minute_is_no_limit() -> None:
    found = capacity.search(platform(100, unlucky=(2,)), start=10, ceiling=1000, runs_max=60)
    assert 90 < found.capacity <= 100
    assert found.steps[3].phase is Phase.REPEAT


def test_a_rate_that_does_not_hold_again_is_not_the_capacity() -> None:
    whole = capacity.search(platform(10_000), start=10, ceiling=20)
    confirming = next(number for number, step in enumerate(whole.steps) if step.phase is Phase.CONFIRM)
    found = capacity.search(platform(10_000, unlucky=(confirming + 1,)), start=10, ceiling=20)
    assert (found.ending, found.broken_at, found.confirmed) == (Ending.FOUND, 20, 3)
    assert found.capacity < 20


def limited_generator(limit: float, *, generator: bool = True) -> Callable[[float, Phase], Step]:
    def run(rate: float, phase: Phase) -> Step:
        return Step(rate, UNKNOWN if rate > limit else YES, phase, generator=rate > limit and generator)

    return run


@pytest.mark.parametrize(("generator", "ending"), [(True, Ending.GENERATOR), (False, Ending.UNCLEAR)])
def test_what_cannot_be_told_never_counts_as_a_broken_platform(*, generator: bool, ending: Ending) -> None:
    found = capacity.search(limited_generator(50, generator=generator), start=10, ceiling=1000)
    assert (found.ending, found.broken_at, found.confirmed) == (ending, None, 3)
    assert 30 < found.capacity <= 50


def test_nothing_is_known_when_the_first_rate_is_too_much_for_the_generator() -> None:
    found = capacity.search(limited_generator(5), start=10, ceiling=1000)
    assert (found.ending, found.capacity, len(found.steps)) == (Ending.GENERATOR, 0, 2)


def test_one_run_that_tells_nothing_is_repeated() -> None:
    answers = iter([UNKNOWN])
    found = capacity.search(lambda rate, phase: Step(rate, next(answers, YES), phase), start=10, ceiling=10)
    assert (found.ending, found.capacity) == (Ending.CEILING, 10)


def test_the_search_ends_with_its_runs() -> None:
    found = capacity.search(platform(100), start=10, ceiling=1000, runs_max=5)
    assert (found.ending, len(found.steps), found.confirmed) == (Ending.RUNS, 5, 0)
    assert found.capacity > 10


def test_an_interrupted_search_says_what_it_found() -> None:
    def run(rate: float, phase: Phase) -> Step:
        if rate > 20:
            raise KeyboardInterrupt
        return Step(rate, YES, phase)

    found = capacity.search(run, start=10, ceiling=1000)
    assert (found.ending, found.capacity) == (Ending.INTERRUPTED, 15)


# ------------------------------------------------------------------------------------------------------------- verdicts

BLOCKED = inconclusive("", "the generator did not keep up", blocked_by="load.generator")


@pytest.mark.parametrize(
    ("verdicts", "held", "generator", "broken"),
    [
        ([("load.errors", passed("none")), ("load.latency_ocr", passed("fast"))], YES, False, []),
        ([("load.errors", passed("none")), ("load.latency_ocr", failed("", "slow"))], NO, False, ["load.latency_ocr"]),
        ([("load.errors", BLOCKED), ("load.latency_ocr", BLOCKED)], UNKNOWN, True, ["load.errors", "load.latency_ocr"]),
        ([("load.errors", inconclusive("", "few")), ("load.latency_a", passed(""))], UNKNOWN, False, ["load.errors"]),
        ([("load.errors", inconclusive("", "few")), ("load.latency_a", failed("", ""))], NO, False, ["load.latency_a"]),
        ([("load.errors", passed("none")), ("load.latency_ocr", not_covered("few", ""))], YES, False, []),
        ([("load.latency_ocr", not_covered("few", ""))], UNKNOWN, False, [""]),
        # what is not decisive does not decide
        ([("load.errors", passed("none")), ("load.fairness", failed("", "unfair"))], YES, False, []),
        ([("load.fairness", passed("fair"))], UNKNOWN, False, [""]),
    ],
)
def test_what_verdicts_say_of_a_rate(
    verdicts: list[tuple[str, Verdict]], held: Held, *, generator: bool, broken: list[str]
) -> None:
    trial = Trial(record(tally(ok=180)), verdicts, "record.json")
    step = capacity.step_of(trial, 10, Phase.CLIMB, ["load.errors", "load.latency_*"])
    assert (step.held, step.generator, [*step.broken]) == (held, generator, broken)
    assert (step.record, step.figures) == (
        "record.json",
        {"answered (1/s)": 10.0, "errors (share)": 0.0, "p95 of ocr (s)": 0.1},
    )


# --------------------------------------------------------------------------------------------------------------- report

TERMS: dict[str, Any] = {
    "name": "capacity",
    "says": "a search for tests",
    "profile": "steady",
    "step_seconds": 20,
    "rate_start": 10,
    "factor": 2,
    "precision": 0.1,
    "confirmations": 3,
    "confidence": 0.9,
    "runs_max": 40,
    "decisive": ["load.*"],
    "peak_window": "the last 7 days",
    "growth": 2,
    "reserve": 0.25,
}


TODAY = Today(30.0, 3)


def report(limit: float, *, today: Today = TODAY, ceiling: float = 400) -> capacity.CapacityReport:
    def run(rate: float) -> Trial:
        verdict = passed("fast") if rate <= limit else failed("", "p95 is 3 s")
        return Trial(record(tally(ok=180)), [("load.latency_ocr", verdict)])

    return capacity.find_capacity(
        run,
        Search.model_validate(TERMS),
        ceiling=ceiling,
        base_url="http://platform",
        environment="local",
        started_at="2023-11-14T22:13:20Z",
        today=today,
    )


def test_what_the_capacity_means() -> None:
    made = report(90)
    assert 81 <= made.capacity <= 90
    assert made.limiting == {"load.latency_ocr": "p95 is 3 s"}
    assert made.headroom == pytest.approx(1 - 30 / made.capacity)
    assert (made.forecast, made.replicas_needed) == (60.0, 3)  # 60 of 3 x 0.75 x 27 to 30
    assert made.confirmed_share == pytest.approx(0.464, abs=0.001)
    assert report(90, today=Today(60.0, 3)).replicas_needed == 6


def test_what_is_not_known_of_today_is_left_out() -> None:
    made = report(90, today=Today())
    assert (made.headroom, made.forecast, made.replicas_needed) == (None, None, None)
    assert "headroom" not in made.as_markdown()


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        (90, "holds its service levels at 8"),
        (1000, "The platform holds its service levels at 400/s at least; that is as far as the environment allows."),
        (0, "No rate that was tried held the service levels."),
    ],
)
def test_the_report_for_people(limit: float, said: str) -> None:
    text = report(limit).as_markdown()
    assert text.startswith("# Capacity of http://platform\n")
    assert said in text
    heads = ["rate", "why", "held", "answered (1/s)", "errors (share)", "p95 of ocr (s)", "broken"]
    assert f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}\n" in text


def test_the_report_for_people_says_what_it_rests_on() -> None:
    text = report(90).as_markdown()
    assert "with a confidence of 90 %, at least 46.4 % of such runs hold there" in text
    assert "highest rate of real traffic in the last 7 days: 30.0/s" in text
    assert "if capacity grows in proportion to replicas" in text
    assert "- `load.latency_ocr`: p95 is 3 s" in text


def test_the_report_for_machines() -> None:
    made = json.loads(report(90).as_json())
    assert (made["schema_version"], made["ending"], made["steps"][0]["held"]) == (1, "found", "yes")


def test_rates_that_held_only_sometimes_are_remarked() -> None:
    runs = iter([True, False, True, *[True] * 30])

    def run(_: float) -> Trial:
        verdict = passed("fast") if next(runs) else failed("", "slow")
        return Trial(record(tally(ok=180)), [("load.errors", verdict)])

    shown: list[Step] = []
    made = capacity.find_capacity(
        run,
        Search.model_validate(TERMS),
        ceiling=20,
        base_url="http://platform",
        environment="local",
        started_at="",
        today=Today(),
        growth=3,
        show=shown.append,
    )
    assert made.remarks == ("20.0/s held in 4 of 5 runs",)
    assert (tuple(shown), made.growth) == (made.steps, 3)


def test_a_rate_that_was_never_tried_is_not_the_capacity() -> None:
    """A platform that is worse from some moment on: the search goes down until its runs are used up."""
    runs = iter(range(1000))

    def run(rate: float, phase: Phase) -> Step:
        return Step(rate, YES if next(runs) < 5 else NO, phase)

    found = capacity.search(run, start=10, ceiling=1000, runs_max=20)
    assert found.ending is Ending.RUNS
    assert found.capacity in {step.rate for step in found.steps if step.held is YES}
