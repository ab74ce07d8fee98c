"""Each defect that an experiment shows gets its verdict by the promise that it names, which is kept without it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from lab.breaking import applied, catalogue
from selfcheck.contract import DEFAULT_CONTRACT
from selfcheck.verdict import Outcome
from tests.labs import HASTY, few_of, free_lab, rest
from tools.greens import SHORT_SET
from tools.proving import gate, named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lab.supervisor import Lab

pytestmark = [pytest.mark.proof, pytest.mark.lab, pytest.mark.slow]

DEFECTS = {name: defect for name, defect in catalogue().items() if defect.chaos}
"""About 50 s each."""
TRIES = 3
"""The machine may have other things to do: an experiment that could not tell may be done again."""


class Chaos:
    """A lab, experiments on it, and a contract that waits less long for what never recovers."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self._folder = folder
        self._contract = folder / "contract"
        shutil.copytree(DEFAULT_CONTRACT, self._contract)
        file = self._contract / "chaos.toml"
        text = file.read_text(encoding="utf-8")
        file.write_text(f"{text}\n[defaults.experiment]\nsettle_seconds_min = 18\nsettle_seconds_max = 60\n", "utf-8")

    def outcomes(self, experiments: tuple[str, ...], *, patient: bool = False) -> Mapping[str, str]:
        """Do experiments; gives the outcome of each of their promises."""
        also = {"CHAOS_CONSENT": "local", "SELF_CHECK_CHAOS_LEDGER": str(self._folder / "ledger")}
        if not patient:
            also["SELF_CHECK_CONTRACT"] = str(self._contract)
        arguments = [f"--promise=chaos.{name}.*" for name in experiments]
        _, found = gate(self.lab, "chaos", also, arguments=arguments)
        return {id_: outcome for id_, outcome in found.items() if id_.startswith("chaos.")}

    def green(self) -> None:
        """See that nothing is red where nothing is broken."""
        for _ in range(TRIES):
            found = self.outcomes(SHORT_SET, patient=True)
            red = {id_: outcome for id_, outcome in found.items() if outcome != Outcome.PASS}
            if not red or Outcome.FAIL in red.values():
                break
        assert found
        assert red == {}


@pytest.fixture(scope="module")
def chaos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chaos]:
    """A lab on which the short set of experiments is green, before the first defect and after the last."""
    folder = tmp_path_factory.mktemp("chaos")
    with free_lab(folder, **HASTY) as lab:
        found = Chaos(lab, folder)
        found.green()
        yield found
        rest(lab)
        found.green()


@pytest.mark.parametrize("name", few_of(DEFECTS))
def test_a_defect_gets_its_verdict(chaos: Chaos, name: str) -> None:
    defect = DEFECTS[name]
    wanted = {
        **dict.fromkeys(named(defect.caught_by), Outcome.FAIL),
        **dict.fromkeys(named(defect.unclear), Outcome.INCONCLUSIVE),
    }
    for attempt in range(TRIES):
        rest(chaos.lab)
        with applied(chaos.lab, name):
            # That something ends too late is seen only by whoever waits for as long as it may take.
            found = chaos.outcomes((defect.chaos,), patient=attempt > 0)
        missed = {id_: found.get(id_) for id_, outcome in wanted.items() if found.get(id_) != outcome}
        if not missed:
            break
    assert missed == {}, found
