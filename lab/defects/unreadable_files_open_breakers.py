"""A provider that says that a file is unreadable counts as a provider that failed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.errors import ClientMistakeError
from lab.tamper import inside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    breakers = platform.breakers._breakers  # noqa: SLF001 - a defect knows the insides
    for breaker in breakers.values():
        breaker.remove_excluded_exception(ClientMistakeError)
    try:
        yield
    finally:
        for breaker in breakers.values():
            breaker.add_excluded_exception(ClientMistakeError)
            breaker.close()


DEFECT = Defect(
    breaks="bad files of a client open no breaker",
    caught_by=("isolation.bad_input_opens_no_breaker", "isolation.good_input_after_bad_input"),
    how=inside(change=_change),
    also=("isolation.*", "ocr.*", "providers.*", "health.*", "metrics.counts_*"),
)
