"""Of a PDF only the first page is given to the engine; the answer is a success."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.engines import Reading
    from lab.reference.service import Platform


def _first_page(content: bytes) -> bytes:
    picture = content.find(b"/Subtype /Image")
    end = content.find(b"endstream", picture)
    return content if picture < 0 or end < 0 else content[: end + len(b"endstream")]


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = platform.engines.read

    async def read(provider: str, content: bytes, media_type: str) -> "Reading":
        return await real(provider, _first_page(content) if media_type == "application/pdf" else content, media_type)

    with replaced(platform.engines, read=read):
        yield


DEFECT = Defect(
    breaks="what stands on the later pages of a PDF is read",
    caught_by=("ocr.dimensions_of_every_page",),
    how=inside(change=_change),
)
