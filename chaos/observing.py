"""The observation of an experiment: it is started once a run, by the first check that asks, and all judge its record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selfcheck.observation import CouldNotObserve, Trouble

if TYPE_CHECKING:
    from chaos.evidence import Evidence
    from selfcheck.target import Target


def evidence(target: Target, experiment: str) -> Evidence:
    """Give the evidence of an experiment on a target; raises CouldNotObserve."""
    del target
    raise CouldNotObserve(f"the experiment {experiment}", Trouble.REFUSED, "no engine")
