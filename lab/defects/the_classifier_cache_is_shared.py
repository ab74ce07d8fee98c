"""A part that one client sent is classified for another from the cache."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.schemas import Classification
    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    classify = platform.classifier.classify

    def shared(content: bytes, tenant: str) -> Classification:
        return classify(content, tenant[:0])

    with replaced(platform.classifier, classify=shared):
        yield


DEFECT = Defect(
    breaks="the caches of two clients are apart",
    caught_by=("isolation.classifier_cache_of_another_client",),
    how=inside(change=_change),
)
