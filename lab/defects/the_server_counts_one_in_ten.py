"""Under load, requests are counted by sampling."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._loading import SMOKE
from lab.defects._meters import miscounted
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    turns = itertools.count()

    def once_in_ten(_: object) -> int:
        return 1 if next(turns) % 10 == 0 else 0

    with (
        miscounted(platform, "ocr_requests", times=once_in_ten),
        miscounted(platform, "ocr_processing_duration", times=once_in_ten),
        miscounted(platform, "compare_requests", times=once_in_ten),
    ):
        yield


DEFECT = Defect(
    breaks="the server counts every request under load",
    caught_by=("load.server_view_ocr", "load.server_count_ocr", "load.server_count_compare"),
    how=inside(change=_change),
    load=SMOKE,
)
