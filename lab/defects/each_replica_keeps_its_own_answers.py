"""Each replica keeps answers in its own memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    kept: dict[str, Any] = {}

    async def get_json(key: str) -> Any:
        return kept.get(key)

    async def set_json(key: str, value: Any) -> None:
        kept[key] = value

    with replaced(platform.cache, get_json=get_json, set_json=set_json):
        yield


DEFECT = Defect(
    breaks="what one replica has kept is known to the others",
    caught_by=("dependencies.shared_cache",),
    how=inside(change=_change),
    also=(
        "compare.*",
        "metrics.*",
        "isolation.*",
        "ocr.*",
    ),
)
