"""Refused input is booked under a code that the answer does not carry."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._meters import miscounted
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with miscounted(platform, "ocr_errors", relabel=lambda labels: {**labels, "code": "PARSE_FAILED"}):
        yield


DEFECT = Defect(
    breaks="the code on the metric is the code in the answer",
    caught_by=("metrics.counts_ocr_refused_input",),
    how=inside(change=_change),
)
