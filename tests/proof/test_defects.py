"""Each seeded defect turns its declared checks red, on a lab on which they are green before and after.

Some defects are enough to prove every check once. The others, which break the same promises in further ways, are marked
`thorough`: `make prove` runs all of them, `make test` leaves them out.
"""

import pytest

from lab.breaking import applied, catalogue
from lab.supervisor import Lab
from tools.proving import covering, declared, wait_until_green, wait_until_seen

pytestmark = [pytest.mark.proof, pytest.mark.lab]

DEFECTS = catalogue()
ENOUGH = covering(DEFECTS)


def test_the_healthy_lab_is_green(lab: Lab) -> None:
    wait_until_green(lab)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in ENOUGH else pytest.mark.thorough) for name in DEFECTS]
)
def test_the_declared_checks_see_the_defect(lab: Lab, name: str) -> None:
    """The lab was green before the first defect, and each one leaves what it broke green."""
    names = declared(DEFECTS[name])
    with applied(lab, name):
        wait_until_seen(lab, names)
    wait_until_green(lab, names)


def test_the_lab_is_green_after_all_defects(lab: Lab) -> None:
    wait_until_green(lab)
