"""Clients are limited at a fifth of what the health page says."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._limits import allowance
from lab.defects._loading import LIMITS
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with allowance(platform, lambda allowed: allowed // 5):
        yield


DEFECT = Defect(
    breaks="clients have what the health page says they have",
    caught_by=("load.rate_limit_classify",),
    how=inside(change=_change),
    also=("load.*",),
    load=LIMITS,
)
