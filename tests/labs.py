"""Labs for tests, on ports that nobody uses."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from lab.ports import free_offset
from lab.supervisor import Lab, LabError
from selfcheck.waiting import pause, wait_until
from tools.proving import one_of_each

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from _pytest.mark.structures import ParameterSet

    from lab.breaking import Defect

_TRIES = 3
_REST_SECONDS = 90.0
_LAG_SECONDS = 4.0
"""What failed a moment ago shows once it was scraped and the rules were evaluated, one after the other."""


def rest(lab: Lab) -> None:
    """Wait until a lab is healthy and has forgotten what failed before: its error budget is whole again."""
    pause(_LAG_SECONDS)
    lab.settled()
    wait_until(
        lambda: lab.query("error_budget_remaining > 0.9"), timeout_seconds=_REST_SECONDS, what="the error budget"
    )
    lab.settled()


def few_of(defects: Mapping[str, Defect]) -> list[ParameterSet]:
    """Give the names of defects as cases; those that show nothing that another one does not are `thorough`."""
    few = one_of_each(defects)
    return [pytest.param(name, marks=[] if name in few else [pytest.mark.thorough]) for name in defects]


HASTY: Final[Mapping[str, float]] = {"time_scale": 120.0, "window_max_seconds": 3.0}
"""For `free_lab`: a lab on which experiments end soon, as its rules forget a fault in three seconds."""


@contextmanager
def free_lab(folder: Path, *, window_max_seconds: float = 20.0, time_scale: float = 60.0) -> Iterator[Lab]:
    """Run a lab in a folder as long as the `with` block lasts; it forgets a defect after the longest window.

    Ports that were free a moment ago may be somebody else's when the lab wants them: then it takes others.
    """
    for tries_left in reversed(range(_TRIES)):
        lab = Lab(folder / "lab", free_offset(), time_scale, window_max_seconds)
        try:
            try:
                lab.up()
            except LabError:
                if not tries_left:
                    raise
                continue
            yield lab
            return
        finally:
            lab.down()
