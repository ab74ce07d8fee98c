"""Vision refuses addresses of its own machine, and not its name, which a redirect on the way may lead to."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._fetching import trusting
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


def _change(_: "Platform") -> AbstractContextManager[None]:
    return trusting(lambda host: host == "localhost")


DEFECT = Defect(
    breaks="vision fetches nothing from inside, however the address is written",
    caught_by=("security.vision_fetches_nothing_inside",),
    how=inside(change=_change),
)
