"""The classifier looks at the first line of a file without asking whether there is one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.schemas import Classification
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    classify = platform.classifier.classify

    def by_the_first_line(content: bytes, tenant: str) -> "Classification":
        if not content.splitlines()[0]:
            return classify(content.lstrip(), tenant)
        return classify(content, tenant)

    with replaced(platform.classifier, classify=by_the_first_line):
        yield


DEFECT = Defect(
    breaks="no file makes the classifier fail",
    caught_by=("openapi.fuzz_classify", "openapi.fuzz_classify_batch"),
    how=inside(change=_change),
    also=("classifier.*",),
)
