"""Classifications that the rate limit refuses are counted twice."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._meters import miscounted
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with miscounted(platform, "classification_rate_limited", times=2):
        yield


DEFECT = Defect(
    breaks="each refusal is counted once",
    caught_by=("classifier.limit_is_counted",),
    how=inside(change=_change),
)
