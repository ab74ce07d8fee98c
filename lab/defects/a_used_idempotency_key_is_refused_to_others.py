"""A client is refused an idempotency key that another client used."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.errors import ApiError, Code
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.ocr import OcrRequest
    from lab.reference.schemas import OcrResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    extract = platform.ocr.extract
    used: dict[str, str] = {}

    async def refusing(request: OcrRequest) -> OcrResult:
        owner = used.setdefault(request.idempotency_key or "", request.tenant)
        if request.idempotency_key is not None and owner != request.tenant:
            raise ApiError(409, Code.INPUT_ERROR, "this idempotency key was used for something else")
        return await extract(request)

    with replaced(platform.ocr, extract=refusing):
        yield


DEFECT = Defect(
    breaks="an idempotency key of one client means nothing to another",
    caught_by=("isolation.idempotency_key_of_another_client",),
    how=inside(change=_change),
)
