"""A PDF that breaks off counts as a failure of the provider, which never saw it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.errors import Code, ProviderFaultError, Rejection, Stage
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.errors import ClientMistakeError
    from lab.reference.schemas import OcrResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    ocr = platform.ocr
    real = ocr._rejected  # noqa: SLF001 - a defect is inside the platform

    def rejected(label: str, mistake: "ClientMistakeError", started: float) -> "OcrResult":
        if mistake.reason is not Rejection.TRUNCATED:
            return real(label, mistake, started)
        fault = ProviderFaultError("paddle", Code.PARSE_FAILED, Stage.PARSE, mistake.message, reached=False)
        return ocr._failed(fault, started)  # noqa: SLF001 - likewise

    with replaced(ocr, _rejected=rejected):
        yield


DEFECT = Defect(
    breaks="bad input is the client's mistake, and no provider's",
    caught_by=("ocr.refuses_a_truncated_pdf", "ocr.refuses_a_truncated_png"),
    how=inside(change=_change),
    also=("health.*", "metrics.*", "slo.*", "prometheus.*"),
)
