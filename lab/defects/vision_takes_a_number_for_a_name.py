"""Vision looks for private addresses by their dots, and lets numbers pass."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._fetching import trusting
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


def _change(_: "Platform") -> AbstractContextManager[None]:
    return trusting(str.isdecimal)


DEFECT = Defect(
    breaks="vision fetches nothing from inside, however the address is written",
    caught_by=("security.vision_fetches_nothing_inside",),
    how=inside(change=_change),
)
