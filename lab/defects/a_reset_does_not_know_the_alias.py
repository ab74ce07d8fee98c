"""The reset of a breaker does not know the alias of a provider, by which the manual calls it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(_: "Platform") -> Iterator[None]:
    # A replica runs the module as a program. The reset alone looks up names there; OCR does so elsewhere.
    with replaced(sys.modules["__main__"], canonical_provider=lambda name: name.strip().lower()):
        yield


DEFECT = Defect(
    breaks="a breaker is reset under the alias of its provider, too",
    caught_by=("providers.reset_by_alias",),
    how=inside(change=_change),
)
