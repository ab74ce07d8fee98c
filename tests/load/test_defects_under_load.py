"""Each defect that shows under load gets its verdict by the load test that it names, which is green without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.breaking import applied, catalogue
from lab.defects._loading import BASELINE, SMOKE
from selfcheck.verdict import Outcome
from tests.labs import few_of
from tools.proving import gate, named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lab.supervisor import Lab

pytestmark = [pytest.mark.proof, pytest.mark.lab, pytest.mark.slow]

DEFECTS = {name: defect for name, defect in catalogue().items() if defect.load}
GENERATOR = "load.generator"
TRIES = 3
"""A load test is short here, and the machine may have other things to do: it may take another look, as elsewhere."""
EXIT_FAILED = 1
EXIT_INCONCLUSIVE = 10


class Healthy:
    """The lab, on which each load test is done once before a defect is to show in it."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self._folder = folder
        self._records: dict[tuple[tuple[str, str], ...], Path] = {}

    def record(self, load: Mapping[str, str]) -> Path:
        """Give the record of a load test of the healthy lab, which is green."""
        key = tuple(sorted((name, value) for name, value in load.items() if name not in BASELINE))
        if key not in self._records:
            output = self._folder / str(len(self._records))
            self.green(dict(key), output)
            self._records[key] = output / "load" / "record.json"
        return self._records[key]

    def green(self, load: Mapping[str, str], output: Path | None = None) -> None:
        """Do a load test, and see that nothing is red; one whose generator had too little CPU is done again."""
        for _ in range(TRIES):
            code, outcomes = gate(self.lab, "load", load, output)
            if outcomes.get(GENERATOR) != Outcome.INCONCLUSIVE:
                break
        red = {id_: outcome for id_, outcome in outcomes.items() if outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE)}
        assert (code, red) == (0, {})


@pytest.fixture(scope="module")
def healthy(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Healthy]:
    """A lab without a defect: before the first one, between them, and after the last."""
    found = Healthy(lab, tmp_path_factory.mktemp("healthy"))
    yield found
    found.green(SMOKE)


@pytest.mark.parametrize("name", few_of(DEFECTS))
def test_a_defect_gets_its_verdict(healthy: Healthy, name: str) -> None:
    defect = DEFECTS[name]
    baseline = healthy.record(defect.load)
    load = {key: value.format(baseline=baseline) for key, value in defect.load.items()}
    wanted = {
        **dict.fromkeys(named(defect.caught_by), Outcome.FAIL),
        **dict.fromkeys(named(defect.unclear), Outcome.INCONCLUSIVE),
    }
    for _ in range(TRIES):
        with applied(healthy.lab, name):
            code, outcomes = gate(healthy.lab, "load", load)
        missed = {id_: outcomes.get(id_) for id_, outcome in wanted.items() if outcomes.get(id_) != outcome}
        if not missed:
            break
    assert missed == {}
    assert code == (EXIT_FAILED if defect.caught_by else EXIT_INCONCLUSIVE), outcomes
