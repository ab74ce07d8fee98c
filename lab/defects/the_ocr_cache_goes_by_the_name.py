"""The OCR cache knows a file by its name: whoever sends another "scan.png" gets what stood in the first one."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from starlette.datastructures import UploadFile

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.ocr import OcrRequest
    from lab.reference.schemas import OcrResult
    from lab.reference.service import Platform

_name: ContextVar[str] = ContextVar("name", default="")


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    kept: dict[tuple[str, str, str], OcrResult] = {}
    extract, read = platform.ocr.extract, UploadFile.read

    async def named(file: UploadFile, size: int = -1) -> bytes:
        _name.set(file.filename or "")
        return await read(file, size)

    async def by_name(request: OcrRequest) -> OcrResult:
        key = (_name.get(), request.tenant, request.provider)
        if key not in kept:
            result = await extract(request)
            if not result.success:
                return result
            kept[key] = result
        return kept[key].model_copy(update={"cached": False})

    UploadFile.read = named  # type: ignore[method-assign, assignment]  # the request knows no name of its file
    try:
        with replaced(platform.ocr, extract=by_name):
            yield
    finally:
        UploadFile.read = read  # type: ignore[method-assign]


DEFECT = Defect(
    breaks="another file of the same name is answered with what stands in it",
    caught_by=("isolation.file_of_the_same_name",),
    how=inside(change=_change),
    also=("isolation.*", "ocr.*", "metrics.*", "slo.*", "dependencies.*", "providers.*", "errors.*", "security.*"),
)
