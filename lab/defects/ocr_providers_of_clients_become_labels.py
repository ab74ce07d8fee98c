"""What clients write as the provider becomes a label of metrics, in whatever spelling."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._recognition import misunderstood
from lab.reference.settings import OCR_PROVIDERS, canonical_provider
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.ocr import OcrRequest
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    written: set[str] = set()

    def counted(request: "OcrRequest") -> "OcrRequest":
        if canonical_provider(request.provider) not in (*OCR_PROVIDERS, "auto"):
            name = request.provider.replace("-", "_")
            written.add(name)
            platform.metrics.ocr_requests.labels(provider=name, status="input_error").inc()
        return request

    with misunderstood(platform, counted):
        yield
    for name in written:
        platform.metrics.ocr_requests.remove(name, "input_error")


DEFECT = Defect(
    breaks="text of clients never becomes a label",
    caught_by=("ocr.client_text_is_no_label",),
    how=inside(change=_change),
    also=("metrics.*", "prometheus.*"),
)
