"""Requests to OCR are counted into the client's share of the classifier too."""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.limiter import LimitedError
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = platform.limiter.spend

    async def spend(service: str, client: str, *, cost: int = 1) -> None:
        await real(service, client, cost=cost)
        if service == "ocr":
            with contextlib.suppress(LimitedError):
                await real("classify", client)

    with replaced(platform.limiter, spend=spend):
        yield


DEFECT = Defect(
    breaks="each service has a limit of its own",
    caught_by=("classifier.limit_in_force",),
    how=inside(change=_change),
)
