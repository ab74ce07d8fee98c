"""The idempotency keys of clients become a label of metrics."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._recognition import misunderstood
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.ocr import OcrRequest
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    written: set[str] = set()

    def counted(request: "OcrRequest") -> "OcrRequest":
        if request.idempotency_key is not None:
            written.add(request.idempotency_key)
            platform.metrics.ocr_input_rejected.labels(reason=request.idempotency_key).inc()
        return request

    with misunderstood(platform, counted):
        yield
    for key in written:
        platform.metrics.ocr_input_rejected.remove(key)


DEFECT = Defect(
    breaks="text of clients never becomes a label",
    caught_by=("ocr.client_text_is_no_label",),
    how=inside(change=_change),
    also=("metrics.*", "prometheus.*"),
)
