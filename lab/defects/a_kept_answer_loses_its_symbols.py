"""An answer from the cache is not all of the one that was kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = platform.cache.get_json

    async def get_json(key: str) -> Any:
        kept = await real(key)
        return kept | {"symbols": [], "confidence": 1.0} if isinstance(kept, dict) and "symbols" in kept else kept

    with replaced(platform.cache, get_json=get_json):
        yield


DEFECT = Defect(
    breaks="a kept answer is the same",
    caught_by=("dependencies.shared_cache",),
    how=inside(change=_change),
    also=("ocr.*",),
)
