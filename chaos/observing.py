"""The observation of an experiment: the first check that asks starts it, and all judge its record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selfcheck.observation import CouldNotObserve, Trouble

if TYPE_CHECKING:
    from chaos.evidence import Evidence
    from selfcheck.target import Target


def evidence(target: Target, experiment: str) -> Evidence:
    """Give the evidence of an experiment on a target; raises CouldNotObserve."""
    del target
    raise CouldNotObserve(
        Trouble.REFUSED, asked=f"the experiment {experiment}", came_back="nothing", hint="there is no engine yet"
    )
