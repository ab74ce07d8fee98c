"""Vision fails on one replica, which calls its provider ready."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.errors import Code, ProviderFaultError, Stage
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.engines import Insight
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    async def describe(provider: str, _content: bytes, _media_type: str) -> "Insight":
        raise ProviderFaultError(provider, Code.AUTH_FAILED, Stage.INIT, "it refuses our key")

    with replaced(platform.engines, describe=describe):
        yield


DEFECT = Defect(
    breaks="vision works where its provider is called ready, on every replica",
    caught_by=("providers.vision_works",),
    how=inside(change=_change, replicas=("replica-3",)),
    also=(
        "metrics.*",
        "slo.*",
        "health.*",
        "prometheus.*",
        "vision.*",
    ),
)
