"""Vision fetches whatever a URL names, also from its own machine."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._fetching import trusting
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


def _change(_: "Platform") -> AbstractContextManager[None]:
    return trusting(lambda _: True)


DEFECT = Defect(
    breaks="vision fetches nothing from inside",
    caught_by=("security.vision_fetches_nothing_inside",),
    how=inside(change=_change),
)
