"""A refusal by the classifier's limit is counted for OCR as well."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    metrics = platform.metrics
    real = metrics.classification_rate_limited

    def inc() -> None:
        real.inc()
        metrics.ocr_rate_limited.inc()

    with replaced(metrics, classification_rate_limited=SimpleNamespace(inc=inc)):
        yield


DEFECT = Defect(
    breaks="refusals by the classifier are not counted for OCR",
    caught_by=("classifier.limit_is_counted",),
    how=inside(change=_change),
)
