"""One replica keeps saying that a provider gives no answer, which works again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.health import Finding
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = platform.health._trouble_of  # noqa: SLF001 - the defect is in there

    def trouble_of(provider: str, findings: "dict[str, Finding]") -> str | None:
        return "no answer in 0.45 s" if provider == "paddle" else real(provider, findings)

    with replaced(platform.health, _trouble_of=trouble_of):
        yield


DEFECT = Defect(
    breaks="a provider that works is called ready, on every replica",
    caught_by=("providers.ocr_works",),
    how=inside(change=_change, replicas=("replica-1",)),
)
