"""What a run begins while other checks look: seen once, waited for, and ended with the run."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from selfcheck import contract, settings
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.plugin import import_checks
from selfcheck.run import Run, close, open_run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run that has asked nobody anything."""
    import_checks("checks")
    return open_run(settings.Settings(output=tmp_path), contract.load(settings.Settings().contract))


def test_it_is_waited_for_and_seen_once(run: Run) -> None:
    allowed, looks = threading.Event(), list[int]()

    def look() -> str:
        allowed.wait(20)
        looks.append(1)
        return "seen"

    run.target.begin("key", look)
    allowed.set()
    assert [run.target.once("key", lambda: "another look") for _ in range(2)] == ["seen", "seen"]
    assert looks == [1]
    close(run)


def test_what_it_could_not_see_is_told_to_each_that_asks(run: Run) -> None:
    def look() -> str:
        raise CouldNotObserve(Trouble.TIMED_OUT, asked="promtool", came_back="nothing", hint="more time")

    run.target.begin("key", look)
    for _ in range(2):
        with pytest.raises(CouldNotObserve, match="promtool"):
            run.target.once("key", lambda: "another look")
    close(run)


def test_the_end_of_the_run_ends_it(run: Run) -> None:
    ended = threading.Event()

    def look() -> None:
        run.target.stopping.wait(60)
        ended.set()

    run.target.begin("key", look)
    run.target.begin("never begun", ended.clear)
    close(run)
    assert ended.is_set()
