"""In DXF files with Windows line ends the names of entities keep the carriage return, and none of them is known."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._caches import remembering_with
from lab.reference import classifier
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = classifier.parse

    def parse(content: bytes) -> classifier.Shape:
        shape = real(content)
        if b"\r\n" not in content:
            return shape
        strangers = {f"{kind}\r": count for kind, count in shape.entities.items()}
        return classifier.Shape(strangers, shape.width, shape.height)

    # A cache of its own: what is wrong now is not to be remembered later.
    with remembering_with(platform, OrderedDict()), replaced(classifier, parse=parse):
        yield


DEFECT = Defect(
    breaks="line ends do not matter",
    caught_by=("classifier.line_ends",),
    how=inside(change=_change),
)
