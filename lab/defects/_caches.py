"""Classification caches that forget the wrong things."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.tamper import replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def remembering_with(platform: "Platform", cache: OrderedDict[Any, Any], **changed: object) -> Iterator[None]:
    """Give the classifier an empty cache of another kind, and other methods; its gauge goes with it."""
    gauge = platform.metrics.classification_cache_size
    gauge.set(0)
    with replaced(platform.classifier, _cache=cache, **changed):
        yield
    gauge.set(platform.classifier.cached_entries)
