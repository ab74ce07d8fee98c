"""The classifier's cache keeps everything."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.breaking import Defect
from lab.defects._caches import remembering_with
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    cache: OrderedDict[Any, Any] = OrderedDict()

    def keep(key: Any, result: Any) -> None:
        cache[key] = result
        platform.metrics.classification_cache_size.set(len(cache))

    with remembering_with(platform, cache, _keep=keep):
        yield


DEFECT = Defect(
    breaks="the cache stays within its size",
    caught_by=("classifier.eviction",),
    how=inside(change=_change),
    also=("classifier.statistics_are_coherent", "metrics.cache_within_its_limit", "prometheus.*"),
)
