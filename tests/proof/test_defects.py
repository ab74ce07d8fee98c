"""Each seeded defect turns its declared checks red, on a lab on which they are green before and after."""

import pytest

from lab.breaking import applied
from lab.supervisor import Lab
from tools.proving import declared, defects_of_the_gate, wait_until_green, wait_until_seen

pytestmark = [pytest.mark.proof, pytest.mark.lab]

DEFECTS = defects_of_the_gate()


@pytest.mark.parametrize("name", list(DEFECTS))
def test_the_declared_checks_see_the_defect(lab: Lab, name: str) -> None:
    """The lab was green before the first defect, and each one leaves what it broke green."""
    names = declared(DEFECTS[name])
    with applied(lab, name):
        wait_until_seen(lab, names)
    wait_until_green(lab, names)
