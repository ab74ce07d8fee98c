"""One replica runs a parser that takes DXF files with the line ends of Windows for something else."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.errors import ClientMistakeError, Rejection
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.schemas import Classification
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = platform.classifier.classify

    def classify(content: bytes, tenant: str) -> "Classification":
        if b"\r\n" in content:
            raise ClientMistakeError(Rejection.UNSUPPORTED_TYPE, "the file is not ASCII DXF")
        return real(content, tenant)

    with replaced(platform.classifier, classify=classify):
        yield


DEFECT = Defect(
    breaks="DXF files are classified whatever their line ends",
    caught_by=("classifier.answers",),
    how=inside(change=_change, replicas=("replica-2",)),
)
