"""The API key of the second client was taken away, and nobody was told."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    own, _, *others = platform.settings.api_keys
    with replaced(platform.settings, api_keys=(own, *others)):
        yield


DEFECT = Defect(
    breaks="the API key of the other client is accepted",
    caught_by=("platform.other_api_key",),
    how=inside(change=_change),
)
