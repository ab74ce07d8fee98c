"""One replica has lost the way to a provider; its probe, which goes another way, does not notice."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.errors import Code, ProviderFaultError, Stage
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.engines import Reading
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = platform.engines.read

    async def read(provider: str, content: bytes, media_type: str) -> "Reading":
        if provider == "deepseek_hf":
            raise ProviderFaultError(provider, Code.NETWORK_ERROR, Stage.INFER, "the connection broke off")
        return await real(provider, content, media_type)

    with replaced(platform.engines, read=read):
        yield


DEFECT = Defect(
    breaks="a provider that is called ready reads drawings, on every replica",
    caught_by=("providers.ocr_works",),
    how=inside(change=_change, replicas=("replica-2",)),
    also=(
        "providers.reset_deepseek_hf",
        "metrics.*",
        "slo.*",
        "health.*",
        "prometheus.*",
        "ocr.*",
    ),
)
