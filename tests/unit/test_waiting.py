from __future__ import annotations

import math
import time

import pytest

from selfcheck.waiting import Deadline, GaveUp, NotYet, wait_until


def test_the_first_answer_is_returned_at_once() -> None:
    started = time.monotonic()
    assert wait_until(lambda: "here", timeout_seconds=10, what="it", interval_seconds=5) == "here"
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("answer", [0, "", [], 0.0], ids=repr)
def test_an_empty_answer_is_an_answer(answer: object) -> None:
    assert wait_until(lambda: answer, timeout_seconds=0, what="it") is answer


def test_none_false_and_errors_mean_not_yet() -> None:
    steps = iter([None, False, ValueError("no"), NotYet("1 of 2"), "done"])

    def probe() -> object:
        step = next(steps)
        if isinstance(step, Exception):
            raise step
        return step

    assert wait_until(probe, timeout_seconds=5, what="it", interval_seconds=0.001) == "done"


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (None, "the last attempt answered: not yet"),
        (NotYet("2 of 3 targets are up"), "at the end: 2 of 3 targets are up"),
        (ConnectionRefusedError("refused"), "the last attempt failed: ConnectionRefusedError: refused"),
    ],
)
def test_giving_up_says_what_how_long_and_why(error: Exception | None, end: str) -> None:
    def probe() -> None:
        if error is not None:
            raise error

    with pytest.raises(GaveUp) as caught:
        wait_until(probe, timeout_seconds=0.05, what="three targets", interval_seconds=0.01)
    assert str(caught.value).startswith("gave up waiting for three targets after 0.")
    assert str(caught.value).endswith(end)
    assert caught.value.what == "three targets"
    assert caught.value.last_error is error
    assert 0.05 <= caught.value.waited_seconds < 5


def test_without_time_there_is_one_look() -> None:
    looks = []
    with pytest.raises(GaveUp):
        wait_until(lambda: looks.append(1), timeout_seconds=0, what="it")
    assert len(looks) == 1


def test_the_last_look_is_when_the_time_is_over() -> None:
    started = time.monotonic()
    with pytest.raises(GaveUp):
        wait_until(lambda: None, timeout_seconds=0.1, what="it", interval_seconds=60)
    assert time.monotonic() - started < 5
    ready_at = time.monotonic() + 0.05
    assert wait_until(lambda: time.monotonic() > ready_at, timeout_seconds=0.1, what="it", interval_seconds=60)


def test_an_interrupt_passes_through() -> None:
    def probe() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wait_until(probe, timeout_seconds=5, what="it")


def test_a_deadline_runs_out() -> None:
    deadline = Deadline(0.05)
    assert 0 < deadline.left_seconds <= 0.05
    assert not deadline.expired
    wait_until(lambda: deadline.expired, timeout_seconds=5, what="the deadline", interval_seconds=0.01)
    assert deadline.left_seconds == 0
    assert deadline.elapsed_seconds >= 0.05


def test_a_deadline_may_be_endless_but_not_absurd() -> None:
    assert Deadline(math.inf).left_seconds == math.inf
    for absurd in (-1.0, math.nan):
        with pytest.raises(ValueError, match="deadline"):
            Deadline(absurd)
