"""When two categories are nearly as likely, the less likely of them is answered."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._caches import remembering_with
from lab.reference import classifier
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.schemas import Classification
    from lab.reference.service import Platform

_CLOSE = 0.1


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = classifier._classification  # noqa: SLF001 - a defect is inside the platform

    def classification(shape: classifier.Shape) -> "Classification":
        result = real(shape)
        chances = result.probabilities
        first, second = sorted(chances, key=lambda category: chances[category], reverse=True)[:2]
        if chances[first] - chances[second] >= _CLOSE:
            return result
        return result.model_copy(update={"category": second, "confidence": chances[second]})

    # A cache of its own: what is wrong now is not to be remembered later.
    with remembering_with(platform, OrderedDict()), replaced(classifier, _classification=classification):
        yield


DEFECT = Defect(
    breaks="the category is the most probable one",
    caught_by=("classifier.most_probable_of_close_ones",),
    how=inside(change=_change),
)
