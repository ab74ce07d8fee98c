"""One replica may open more connections than Postgres has for all."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with replaced(platform.settings, connection_pool_size=90):
        yield


DEFECT = Defect(
    breaks="the pools of all replicas fit into Postgres",
    caught_by=("dependencies.pools_fit",),
    how=inside(change=_change, replicas=("replica-3",)),
    also=("health.*",),
)
