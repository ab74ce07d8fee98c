"""OCR refuses what is a third as large as the limit that it names: as a client's mistake."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    settings = platform.settings
    tight = replace(
        settings, ocr_max_file_bytes=settings.ocr_max_file_bytes // 3, ocr_max_pages=settings.ocr_max_pages // 3
    )
    with replaced(platform.ocr, _settings=tight):
        yield


DEFECT = Defect(
    breaks="what is far below the limit is not refused for its size",
    caught_by=("ocr.takes_large_files", "ocr.takes_many_pages"),
    how=inside(change=_change),
)
